/* The table of wrappers (table.def) and of direct imports (direct.def), and the look-up by name. */
#include <linux/kernel.h>
#include <linux/string.h>
#include <nooks/deferred.h>
#include <nooks/wrapper.h>

int nooks_printk(const char *fmt, ...);

/* Each wrapper's record, which its stub names. The bodies' types are in their files. */
#define WRAPPER(name, args, sleeps, refused) \
  extern const char wrap_##name[];   \
  extern const char nooks_stub_##name[]; \
  extern const struct nooks_wrapper nooks_wrapper_##name; \
  const struct nooks_wrapper nooks_wrapper_##name __attribute__((section("nooks_wrappers"), aligned(32))) = { \
    #name, wrap_##name, args, sleeps, (u32)(refused), { 0 } \
  };
#include "table.def"
#undef WRAPPER

struct binding {
  const char *name;
  const void *stub;
};

static const struct binding bindings[] = {
#define WRAPPER(name, args, sleeps, refused) { #name, nooks_stub_##name },
#include "table.def"
#undef WRAPPER
};

/* Functions in C that run in the domain in front of a stub; they win over a stub of the same name. */
static const struct binding front_ends[] = {
  { "netif_rx", nooks_netif_rx },
  { "netif_start_queue", nooks_netif_start_queue },
  { "netif_stop_queue", nooks_netif_stop_queue },
  { "netif_wake_queue", nooks_netif_wake_queue },
  { "netif_carrier_on", nooks_netif_carrier_on },
  { "netif_carrier_off", nooks_netif_carrier_off },
  { "printk", nooks_printk },
};

static const struct nooks_direct direct[] = {
#define DIRECT(name, why) { #name, why },
#include "direct.def"
#undef DIRECT
};

static const void *find(const struct binding *table, u32 count, const char *name) {
  for (u32 i = 0; i < count; i++)
    if (!strcmp(table[i].name, name)) return table[i].stub;
  return NULL;
}

const void *wrapper_stub(const char *name) {
  const void *stub = find(front_ends, ARRAY_SIZE(front_ends), name);
  return stub ? stub : find(bindings, ARRAY_SIZE(bindings), name);
}

const struct nooks_direct *direct_import(const char *name) {
  for (u32 i = 0; i < ARRAY_SIZE(direct); i++)
    if (!strcmp(direct[i].name, name)) return &direct[i];
  return NULL;
}
