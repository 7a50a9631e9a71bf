// Counts the calls by which a process waits for its disk. For LD_PRELOAD: each process that starts with
// SYNC_COUNTER_DIRECTORY set counts into the file <directory>/<pid>, as one native uint64.
#pragma once

#define SYNC_COUNTER_VARIABLE "SYNC_COUNTER_DIRECTORY"
