// C side of LuaRuntime: every call here comes back. Whatever can raise a Lua error runs protected inside, and what went
// wrong is returned as a status, with details to be read until the next call. Values cross as bytes (see codec.c).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct clua_vm clua_vm;

typedef enum clua_status {
  CLUA_OK = 0,
  CLUA_SYNTAX = 1,
  CLUA_RUNTIME = 2,
  CLUA_MEMORY = 3,
  CLUA_DEADLINE = 4,
  CLUA_INTERRUPTED = 5,
  CLUA_TYPE = 6,
} clua_status;

typedef struct clua_bytes {
  const uint8_t *_Nullable start;
  size_t count;
} clua_bytes;

/// Tags of encoded values. Numbers are in the machine's byte order. A value has one encoding: integers and strings take the
/// shortest, so that equal values are equal bytes.
enum {
  CLUA_TAG_NIL = 0,
  CLUA_TAG_FALSE = 1,
  CLUA_TAG_TRUE = 2,
  CLUA_TAG_INTEGER = 3,  ///< int64
  CLUA_TAG_NUMBER = 4,   ///< double
  CLUA_TAG_STRING = 5,   ///< uint32 length, bytes
  CLUA_TAG_TABLE = 6,    ///< uint32 count of values of 1…n, those; then pairs of key and value
  CLUA_TAG_END = 7,      ///< after a table's last pair
  CLUA_TAG_OPAQUE = 8,   ///< uint32 length, description
  CLUA_TAG_BYTE = 9,     ///< integer: int8
  CLUA_TAG_SHORT = 10,   ///< integer: int32
  CLUA_TAG_WORD = 11,    ///< string: uint8 length, bytes
};

/// Answers of a callback.
enum { CLUA_REPLY_VALUES = 0, CLUA_REPLY_ERROR = 1 };

/// Runs a Swift function: reads the arguments, which are valid until it calls anything of this VM, and leaves its
/// answer by `clua_reply`. Never raises.
typedef int (*clua_callback)(void *_Nonnull context, int64_t id, clua_bytes arguments);
/// Takes what a script prints; stream 1 is the output, 2 the errors.
typedef void (*clua_output)(void *_Nonnull context, int stream, clua_bytes bytes);

typedef struct clua_options {
  bool sandboxed;
  size_t memory_limit;      ///< 0: none
  size_t contiguous_limit;  ///< 0: none
  uint64_t seed;
  /// For tests: from the n-th allocation on (counted from 1) all fail; 0: none does.
  uint64_t fail_from;
} clua_options;

/// Returns null when memory or a thread is not to be had.
clua_vm *_Nullable clua_create(const clua_options *_Nonnull options);
void clua_destroy(clua_vm *_Nonnull vm);

/// Who answers callbacks. The context must live as long as the VM.
void clua_set_callback(clua_vm *_Nonnull vm, clua_callback _Nonnull callback, void *_Nonnull context);
void clua_set_output(clua_vm *_Nonnull vm, clua_output _Nullable output, void *_Nullable context);
/// Inside a callback: its results, or the value that it raises (one value). False: no memory; the script sees that.
bool clua_reply(clua_vm *_Nonnull vm, clua_bytes values);

/// Compiles text into a function; its reference is stored.
clua_status clua_load(
  clua_vm *_Nonnull vm, clua_bytes source, const char *_Nonnull name, int32_t *_Nonnull reference);
/// Calls a function with encoded arguments. `deadline` is in nanoseconds of CLOCK_MONOTONIC, 0 for none; calls inside a
/// callback run within the deadline of the outermost. With `describing`, results are replaced by their `tostring`.
clua_status clua_call(
  clua_vm *_Nonnull vm, int32_t reference, clua_bytes arguments, int64_t deadline, bool describing);
/// The results of the last call, encoded; valid until the next call of anything of this VM.
clua_bytes clua_results(const clua_vm *_Nonnull vm);
void clua_release(clua_vm *_Nonnull vm, int32_t reference);
/// Calls a chunk that returns a table of functions, which is kept under a reference.
clua_status clua_open_module(
  clua_vm *_Nonnull vm, int32_t chunk, int64_t deadline, int32_t *_Nonnull reference);
/// A function of such a table; the reference is 0 if it has nothing under this name.
clua_status clua_module_function(
  clua_vm *_Nonnull vm, int32_t module, const char *_Nonnull name, int32_t *_Nonnull reference);
/// Such a table itself, encoded, in clua_results.
clua_status clua_module_contents(clua_vm *_Nonnull vm, int32_t module);
/// The line where a Lua function begins; 0 of a C function.
int clua_line_of(clua_vm *_Nonnull vm, int32_t reference);

/// Globals by dotted path. Setting makes tables on the way.
clua_status clua_get_global(clua_vm *_Nonnull vm, const char *_Nonnull path);
clua_status clua_get_function(clua_vm *_Nonnull vm, const char *_Nonnull path, int32_t *_Nonnull reference);
clua_status clua_set_global(clua_vm *_Nonnull vm, const char *_Nonnull path, clua_bytes value);
clua_status clua_set_function(clua_vm *_Nonnull vm, const char *_Nonnull path, int32_t reference);
clua_status clua_set_callback_at(clua_vm *_Nonnull vm, const char *_Nonnull path, int64_t id);

/// Makes the globals of a sandbox read-only, so that a decision cannot change what the next one finds.
void clua_freeze(clua_vm *_Nonnull vm);
/// Seeds math.random of a sandbox.
void clua_seed(clua_vm *_Nonnull vm, uint64_t seed);

clua_status clua_collect(clua_vm *_Nonnull vm);
size_t clua_memory(const clua_vm *_Nonnull vm);

/// What the last status other than CLUA_OK was about.
clua_bytes clua_error_message(const clua_vm *_Nonnull vm);
clua_bytes clua_error_traceback(const clua_vm *_Nonnull vm);
/// The raised value, encoded; empty if it could not be.
clua_bytes clua_error_value(const clua_vm *_Nonnull vm);

/// Whether the running call was interrupted or is past its deadline.
bool clua_is_aborting(const clua_vm *_Nonnull vm);

/// A handle that other threads use to interrupt a VM; counted, so that it may outlive the VM.
typedef struct clua_interrupter clua_interrupter;
clua_interrupter *_Nonnull clua_interrupter_of(clua_vm *_Nonnull vm);
void clua_interrupter_release(clua_interrupter *_Nonnull interrupter);
/// Stops the running call, from any thread; false if none runs.
bool clua_interrupt(clua_interrupter *_Nonnull interrupter);

/// For tests: from the n-th allocation from now on `count` allocations fail; n = 0 turns that off.
void clua_fail_allocations(clua_vm *_Nonnull vm, uint64_t n, uint64_t count);
/// For tests: whether an allocation was refused since `clua_fail_allocations`.
bool clua_allocation_failed(const clua_vm *_Nonnull vm);

/// Nanoseconds of CLOCK_MONOTONIC.
int64_t clua_now(void);

/// Calls a function once a moment has passed, on the watchdog's thread. Setting one costs no system call as a rule.
typedef struct clua_alarm clua_alarm;
/// `ring` must be quick and must not create or destroy VMs, nor create alarms. Null when there is no memory or no thread.
clua_alarm *_Nullable clua_alarm_create(void (*_Nonnull ring)(void *_Nonnull), void *_Nonnull context);
/// Waits until a ringing on another thread is over.
void clua_alarm_destroy(clua_alarm *_Nonnull alarm);
/// In nanoseconds of CLOCK_MONOTONIC; 0 turns it off. Replaces the moment before.
void clua_alarm_set(clua_alarm *_Nonnull alarm, int64_t moment);

/// Something that one thread waits for and others say; saying it before the wait is remembered, once.
typedef struct clua_event clua_event;
clua_event *_Nullable clua_event_create(void);
void clua_event_destroy(clua_event *_Nonnull event);
void clua_event_signal(clua_event *_Nonnull event);
void clua_event_wait(clua_event *_Nonnull event);

/// Starts a detached thread with SIGURG deliverable. Returns an errno.
int clua_thread_start(
  const char *_Nonnull name, size_t stack_size, void (*_Nonnull body)(void *_Nonnull), void *_Nonnull context);
