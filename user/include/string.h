#ifndef STRING_H
#define STRING_H
#include <linux/string.h>
#endif
