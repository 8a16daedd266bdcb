/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Is a zone consistent? Suites ask it wherever nothing is going on.
 *
 * Locking: none. The caller sees to it that nobody uses the zone meanwhile.
 */
#ifndef KMEMX_BUDDY_ZONE_CHECK_H
#define KMEMX_BUDDY_ZONE_CHECK_H

#include <kmemx/platform.h>
#include "buddy/zone.h"

const char *kmemx_zone_check(const struct kmemx_zone *zone);

#endif /* KMEMX_BUDDY_ZONE_CHECK_H */
