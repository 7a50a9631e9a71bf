#pragma once
#include <jansson.h>

// json_object_foreach is a macro; Swift needs functions.
static inline const char *fleet_json_key(void *iter) { return json_object_iter_key(iter); }
static inline size_t fleet_json_key_length(void *iter) { return json_object_iter_key_len(iter); }
