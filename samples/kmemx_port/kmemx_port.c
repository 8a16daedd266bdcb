// SPDX-License-Identifier: GPL-2.0
/* kmem_port, whose calls are renamed by port.h. */
#define PORT_TO_KMEMX
#include "kmem_port.c"

/* MODULE_IMPORT_NS() of any kernel: its argument became a string in Linux 6.13. */
MODULE_INFO(import_ns, "KMEMX");
