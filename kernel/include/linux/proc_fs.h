/* Files of /proc whose text a function writes. */
#ifndef LINUX_PROC_FS_H
#define LINUX_PROC_FS_H

#include <linux/types.h>

/*
 * Writes the whole text to `page` (at most `count` bytes, process context) and returns its length;
 * `start`, `off` and `eof` are there for 2.4's sake and may be left alone.
 */
typedef int(read_proc_t)(char *page, char **start, long off, int count, int *eof, void *data);

struct proc_dir_entry;
struct proc_dir_entry *create_proc_read_entry(const char *name, mode_t mode, struct proc_dir_entry *parent,
                                              read_proc_t *read_proc, void *data);
void remove_proc_entry(const char *name, struct proc_dir_entry *parent);

#endif
