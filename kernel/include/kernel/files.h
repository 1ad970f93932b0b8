/* Who opens names (fs/file.c). Each fills in f_op and its own part of the file, or returns an error. */
#ifndef KERNEL_FILES_H
#define KERNEL_FILES_H

#include <linux/fs.h>

int chrdev_open(const char *name, struct file *file);
int proc_open(const char *name, struct file *file);
int bootfs_open(const char *name, struct file *file);
int ramfs_open_etc(const char *name, struct file *file);
int ramfs_open_tmp(const char *name, struct file *file);

/* Copies what is left of data from *ppos on; for files whose contents are in memory. */
ssize_t read_from_memory(char *buf, size_t count, loff_t *ppos, const void *data, size_t size);

#endif
