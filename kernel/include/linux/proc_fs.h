/* Files of /proc whose text a function writes. */
#ifndef LINUX_PROC_FS_H
#define LINUX_PROC_FS_H

#include <linux/types.h>

/*
 * Writes the whole text to `page` (at most `count` bytes, process context) and returns its length;
 * `start`, `off` and `eof` are there for 2.4's sake and may be left alone.
 */
typedef int(read_proc_t)(char *page, char **start, long off, int count, int *eof, void *data);

/* Does what a line, without its newline, says: 0 or an error. Process context; the line is the function's. */
typedef int(write_line_t)(char *line, void *data);

struct proc_dir_entry;
/*
 * A file that is also written, a line at a time, if `write` is not NULL. Names may hold slashes: there are no
 * directories, so /proc/a and /proc/a/b can both be files. NULL: no memory, or the name is taken.
 */
struct proc_dir_entry *proc_create(const char *name, read_proc_t *read, write_line_t *write, void *data);
struct proc_dir_entry *create_proc_read_entry(const char *name, mode_t mode, struct proc_dir_entry *parent,
                                              read_proc_t *read_proc, void *data);
void remove_proc_entry(const char *name, struct proc_dir_entry *parent);

#endif
