/*
 * Code regions: who is charged for the cycles that a function takes. The machine tells the regions
 * apart by ELF output section (kernel.ld keeps them separate); see docs/architecture.md.
 */
#ifndef LINUX_SECTION_H
#define LINUX_SECTION_H

#define __region(name) __attribute__((section(name), __noinline__))

#define __wrapper __region(".text.wrapper")   /* Nooks: wrapper bodies and stubs */
#define __tracker __region(".text.tracker")   /* Nooks: object tracker */
#define __xpc __region(".text.xpc")           /* Nooks: domain switch, deferred XPC */
#define __copycode __region(".text.copy")     /* Nooks: call by value-result */
#define __recovery __region(".text.recovery") /* Nooks: detection and recovery */
#define __inherit __region(".text.inherit")   /* charged to the region of the caller */

#endif
