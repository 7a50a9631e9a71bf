// What the files of CLua share. A function that takes a lua_State may raise unless its comment says otherwise.
#pragma once

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdatomic.h>
#include <string.h>

#include "clua.h"

/// Bytes on the C heap that grow; owned by a VM, so that a longjmp past their user loses nothing.
typedef struct buffer {
  uint8_t *bytes;
  size_t count;
  size_t capacity;
} buffer;

/// Tables nest at most so deep when they are copied.
enum { MAX_DEPTH = 64 };
/// What must be left of the C stack, of a small one half, where Lua does not count its use. Lua's own limit of 200 nested
/// C calls fits in.
enum { STACK_RESERVE = 768 << 10 };

typedef struct registration {
  struct registration *next;
  clua_vm *vm;
} registration;

struct clua_interrupter {
  atomic_int references;
  clua_vm *vm;  // guarded by the watchdog's lock; null once the VM is gone
};

struct fleet;

struct clua_vm {
  lua_State *main;
  struct fleet *fleet;  // rows, see rows.h; null without

  // The running call; read by the watchdog and the signal handler. See abort.c.
  _Atomic(lua_State *) running;
  atomic_uint_fast64_t generation;   // odd while a call runs
  atomic_int_fast64_t deadline;      // of this generation; 0: none
  atomic_uint_fast64_t expired;      // the generation whose deadline passed
  atomic_uint_fast64_t interrupted;  // the generation that was interrupted
  atomic_int thread;                 // the kernel's id of the thread that runs it
  clua_vm *outer;                    // the VM whose callback runs this one
  int depth;                         // of nested calls of this VM
  bool abort_seen;                   // where it was has been noted
  bool hooks_can_nest;               // see abort.c

  registration registration;
  // The watchdog's own notes, guarded by its lock.
  uint64_t signalled;  // the generation that it signals
  int64_t signal_again;
  int signals;

  clua_interrupter *interrupter;

  clua_callback callback;
  void *callback_context;
  clua_output output;
  void *output_context;

  buffer scratch;  // arguments of callbacks
  buffer output_bytes;
  buffer reply;    // what a callback answered
  buffer results;
  buffer message;
  buffer traceback;
  buffer value;

  size_t used;
  size_t memory_limit;
  size_t contiguous_limit;
  size_t transfer_limit;  // bytes of one encoded value
  uint64_t allocations;   // counted for tests only
  uint64_t fail_from;     // 0: off
  uint64_t fail_until;
  bool failed;
  bool unlimited;  // the host allocates for itself: its rows are not the policy's memory
  bool plain_only;  // what has no plain form is encoded as nil, and pairs in the order of their keys
  bool sandboxed;
  bool frozen;
  int load_status;  // of the last load
  bool wrong_type;  // the last error was about a value's type
  int64_t labels;      // how many objects tostring has numbered
  uint64_t random[4];  // state of math.random in a sandbox
};

/// The VM of a state; never raises.
static inline clua_vm *vm_of(lua_State *L) { return *(clua_vm **)lua_getextraspace(L); }

// vm.c
/// Memory of the VM on the C heap, under the same test as Lua's; null when refused.
void *clua_reallocate(clua_vm *vm, void *pointer, size_t size);
/// Raises what Lua itself raises when memory is refused.
int clua_raise_memory(lua_State *L);

// protected.c
/// Runs `body` protected on the state that runs now, with `context` as its only argument, and notes what it raised.
clua_status clua_protected(clua_vm *vm, lua_CFunction body, void *context);
/// The same within a deadline, 0 for none.
clua_status clua_timed(clua_vm *vm, lua_CFunction body, void *context, int64_t deadline);
/// Notes an error that Lua did not raise; never raises.
clua_status clua_note(clua_vm *vm, clua_status status, const char *message);


// buffer.c: false when there is no memory; never raises.
bool buffer_reserve(clua_vm *vm, buffer *b, size_t extra);
bool buffer_append(clua_vm *vm, buffer *b, const void *bytes, size_t count);
bool buffer_format(clua_vm *vm, buffer *b, const char *format, ...) __attribute__((format(printf, 3, 4)));
void buffer_free(buffer *b);

// codec.c
/// Appends the value at `index`.
void clua_encode(lua_State *L, int index, buffer *b);
/// Appends the values from `first` to the top.
void clua_encode_from(lua_State *L, int first, buffer *b);
/// Pushes all encoded values and returns their number.
int clua_decode(lua_State *L, clua_bytes bytes);
/// Pushes a readable name of what has no plain form, such as `function`; never runs Lua code.
const char *clua_type_name(lua_State *L, int index);

// abort.c
/// Whether the running call is to end: never raises, async-signal-safe.
bool clua_pending(const clua_vm *vm);
/// Begins and ends a call; they nest. False: the watchdog's thread could not be started.
bool clua_begin(clua_vm *vm, int64_t deadline);
void clua_end(clua_vm *vm);
/// Makes the next instruction of `L` raise the abort; never raises.
void clua_install_abort(lua_State *L);
/// Finds out whether an abort can reach into hooks and finalizers.
void clua_probe_hooks(lua_State *L);
/// Raises the abort.
int clua_raise_abort(lua_State *L);
/// Raises the abort if one is pending: for loops in C.
static inline void clua_poll(lua_State *L) {
  if (clua_pending(vm_of(L))) clua_raise_abort(L);
}
/// Raises an error when the thread's C stack is nearly used up.
void clua_check_stack(lua_State *L);
/// The address that stands for the abort as an error value.
extern const char clua_abort_token;

// watchdog.c
bool watchdog_start(void);
void watchdog_register(clua_vm *vm);
void watchdog_unregister(clua_vm *vm);
/// Makes the watchdog look no later than `deadline`.
void watchdog_arm(int64_t deadline);

// guard.c
/// Replaces pcall, xpcall and the coroutine library by versions that an abort passes through.
void clua_open_guards(lua_State *L);

// traceback.c
/// The traceback of `L` from a level on, without allocating in Lua; never raises.
void clua_write_traceback(clua_vm *vm, lua_State *L, int level, buffer *b);

// callback.c
int clua_trampoline(lua_State *L);

// output.c
void clua_open_output(lua_State *L);
int clua_print(lua_State *L);

// sandbox.c
/// Gives the function on the top the globals of a sandbox, if this is one.
void clua_use_environment(lua_State *L);
void clua_open_sandbox(lua_State *L, uint64_t seed);
/// Replaces the table on the top by something that reads like it and cannot be written.
void clua_make_read_only(lua_State *L, const char *complaint);
/// Pushes the table that a read-only one at `index` stands for; false, and nothing, if it is none.
bool clua_push_original(lua_State *L, int index);
/// A `__newindex` that raises its upvalue.
int clua_refuse_write(lua_State *L);

// strings.c, tables.c, random.c: extend the library table on the top.
void clua_open_bounded_strings(lua_State *L);
void clua_open_bounded_tables(lua_State *L);
void clua_open_random(lua_State *L);

// random.c
/// A number of 0 … limit, each equally likely; never raises.
uint64_t clua_random_below(clua_vm *vm, uint64_t limit);

// pairs.c
/// `pairs` in the order of keys.
int clua_sorted_pairs(lua_State *L);
/// Pushes the list of the keys of the table at `table`, in their order, and returns their number. Raises about keys that
/// have no order, or with `plain_only` leaves them out.
int clua_push_sorted_keys(lua_State *L, int table, bool plain_only);

// label.c
/// Pushes `tostring` of a value, without any address in it.
void clua_tostring(lua_State *L, int index);
int clua_stable_tostring(lua_State *L);

// rows.c
void clua_rows_close(clua_vm *vm);
/// Whether the value is a row, or was one; then its readable name is pushed.
bool clua_push_row_name(lua_State *L, int index);
/// pairs of a row or a request, in the order of the schema, as three values; false if it is neither.
bool clua_record_pairs(lua_State *L);
