// What inspection says about Lua's standard library, keywords and the kernel's own functions.

enum Manual {
  /// A chunk that returns a function: the documentation of a name, or nil. The text is one entry per paragraph; its first
  /// line begins with the name.
  static let source = #"""
    local entries = {}
    for entry in ([==[
    assert(v [, message])
    Raises message, or "assertion failed!", if v is false or nil; otherwise returns all its arguments.

    collectgarbage([opt [, arg]])
    Controls the garbage collector. opt: "collect" (default), "stop", "restart", "count" (KB in use), "step",
    "isrunning", "incremental", "generational".

    dofile([filename])
    Runs the Lua file and returns what it returns. Raises its errors.

    error(message [, level])
    Raises an error with message, any value. level says which function the position in a string message names: 1 the one
    that calls error (default), 2 its caller, 0 none.

    getmetatable(object)
    Returns the metatable of object, or its __metatable field, or nil.

    ipairs(t)
    Iterates over t[1], t[2], … up to the first nil: for i, v in ipairs(t) do … end

    load(chunk [, chunkname [, mode [, env]]])
    Compiles a string, or the pieces that a function returns. Returns a function, or nil and the error message. mode: "t"
    text, "b" binary, "bt" both. env becomes the chunk's _ENV.

    loadfile([filename [, mode [, env]]])
    Like load, of a file.

    next(table [, index])
    Returns the next key and its value after index in no particular order; nil at the end. next(t) == nil: t is empty.

    pairs(t)
    Iterates over all keys and values of t (or what its __pairs metamethod gives): for k, v in pairs(t) do … end

    pcall(f [, arg1, ···])
    Calls f(arg1, ···) and catches errors. Returns true and the results, or false and the error value.

    print(···)
    Writes tostring of its arguments, separated by tabs, and a newline to the output.

    rawequal(v1, v2)
    Whether v1 equals v2, without metamethods.

    rawget(table, index)
    The value of table[index], without metamethods.

    rawlen(v)
    The length of a table or string, without metamethods.

    rawset(table, index, value)
    Sets table[index] = value, without metamethods. Returns table.

    require(modname)
    Loads a module once: searches package.preload, package.path, package.cpath. Returns its value and where it was found.

    select(n, ···)
    Returns all arguments after number n (negative: from the end); select("#", ···) returns how many there are.

    setmetatable(table, metatable)
    Sets or (nil) removes the metatable of a table. Returns table.

    tonumber(e [, base])
    Converts to a number: a string in Lua's notation, or with base (2 to 36) an integer in that base. nil if it is none.

    tostring(v)
    Converts a value to a string for people, by its __tostring metamethod if it has one.

    type(v)
    "nil", "number", "string", "boolean", "table", "function", "thread" or "userdata".

    warn(msg1, ···)
    Emits a warning. warn("@on") and warn("@off") switch warnings.

    xpcall(f, msgh [, arg1, ···])
    Like pcall, with a handler: msgh gets the error value where the error happened and returns what xpcall returns.

    coroutine.close(co)
    Closes a suspended or dead coroutine with its to-be-closed variables. Returns true, or false and the error.

    coroutine.create(f)
    Makes a coroutine of function f.

    coroutine.isyieldable([co])
    Whether the coroutine (default: the running one) can yield.

    coroutine.resume(co [, val1, ···])
    Starts or continues a coroutine. Returns true and what it yields or returns, or false and the error.

    coroutine.running()
    Returns the running coroutine and whether it is the main one.

    coroutine.status(co)
    "running", "suspended", "normal" (it has resumed another) or "dead".

    coroutine.wrap(f)
    Makes a coroutine and returns a function that resumes it at each call; errors are raised.

    coroutine.yield(···)
    Suspends the running coroutine; its resume returns the arguments. Returns what the next resume is given.

    math.abs(x)
    The absolute value.

    math.acos(x)
    Arc cosine, in radians.

    math.asin(x)
    Arc sine, in radians.

    math.atan(y [, x])
    Arc tangent of y/x, in radians, in the right quadrant; x is 1 by default.

    math.ceil(x)
    The smallest integer that is not less than x.

    math.cos(x)
    Cosine of an angle in radians.

    math.cosh(x)
    Hyperbolic cosine. Deprecated; a build of Lua may lack it.

    math.deg(x)
    Radians to degrees.

    math.exp(x)
    e to the power of x.

    math.floor(x)
    The largest integer that is not greater than x.

    math.fmod(x, y)
    The remainder of x/y, rounding the quotient towards zero.

    math.frexp(x)
    Returns m and e so that x = m * 2^e with m in [0.5, 1). Deprecated; a build of Lua may lack it.

    math.huge
    The float infinity.

    math.ldexp(m, e)
    m * 2^e. Deprecated; a build of Lua may lack it.

    math.log10(x)
    Logarithm to base 10. Deprecated: math.log(x, 10).

    math.log(x [, base])
    Logarithm to base, by default e.

    math.max(x, ···)
    The greatest argument.

    math.maxinteger
    The greatest integer, 2^63 - 1.

    math.min(x, ···)
    The least argument.

    math.mininteger
    The least integer, -2^63.

    math.modf(x)
    Returns the integral and the fractional part of x.

    math.pi
    The value of π.

    math.pow(x, y)
    x to the power of y. Deprecated: x ^ y.

    math.rad(x)
    Degrees to radians.

    math.random([m [, n]])
    A random float in [0, 1); with m an integer in [1, m]; with m and n one in [m, n]; random(0): all bits random.

    math.randomseed([x [, y]])
    Seeds the random generator; without arguments from something random.

    math.sin(x)
    Sine of an angle in radians.

    math.sinh(x)
    Hyperbolic sine. Deprecated; a build of Lua may lack it.

    math.sqrt(x)
    The square root.

    math.tan(x)
    Tangent of an angle in radians.

    math.tanh(x)
    Hyperbolic tangent. Deprecated; a build of Lua may lack it.

    math.tointeger(x)
    x as an integer if it is one in value; else nil.

    math.type(x)
    "integer", "float", or nil for what is no number.

    math.ult(m, n)
    Whether m < n as unsigned integers.

    string.byte(s [, i [, j]])
    The codes of the bytes s[i] … s[j]; i is 1 and j is i by default.

    string.char(···)
    The string of bytes with these codes.

    string.dump(function [, strip])
    The function as a binary chunk; strip leaves out debug information.

    string.find(s, pattern [, init [, plain]])
    Looks for the first match from init on. Returns where it starts and ends, and captures; or nil. plain: pattern is text.

    string.format(formatstring, ···)
    Like C's printf: %d %i integer, %f %e %g float, %x hexadecimal, %c byte, %s string (tostring), %q a Lua literal,
    %a hexadecimal float, %p address, %% percent; with flags, width and precision, such as %-10s or %.3f.

    string.gmatch(s, pattern [, init])
    Iterates over all matches: for word in s:gmatch("%a+") do … end gives the captures, or the whole match.

    string.gsub(s, pattern, repl [, n])
    Replaces all (the first n) matches by repl: a string (%0 the match, %1 … %9 captures), a table (by first capture) or a
    function (of the captures). Returns the new string and the number of matches.

    string.len(s)
    The length in bytes; #s is the same.

    string.lower(s)
    With upper-case letters changed to lower case.

    string.match(s, pattern [, init])
    The captures of the first match from init on (the whole match if there are none), or nil.
    Patterns: . any, %a letter, %d digit, %l lower, %s space, %u upper, %w alphanumeric, %x hexadecimal, %p punctuation,
    upper-case classes are complements, [set], [^set], * + - ? repetition, ^ $ anchors, (capture), %b() balanced, %f[set].

    string.pack(fmt, v1, v2, ···)
    Binary form of values: < > = endianness, b h i l j bytes to integers (i4), f d n floats, s string with length, z with zero.

    string.packsize(fmt)
    The length of what string.pack makes with this format.

    string.rep(s, n [, sep])
    n copies of s, separated by sep.

    string.reverse(s)
    The bytes in reverse order.

    string.sub(s, i [, j])
    The bytes from i to j, both inclusive; negative from the end; j is -1 by default.

    string.unpack(fmt, s [, pos])
    The values that string.pack packed, and the position after them.

    string.upper(s)
    With lower-case letters changed to upper case.

    table.concat(list [, sep [, i [, j]]])
    The strings and numbers list[i] … list[j] in one string, separated by sep.

    table.insert(list, [pos,] value)
    Inserts value at pos, moving what follows; at the end by default.

    table.move(a1, f, e, t [, a2])
    Copies a1[f] … a1[e] to a2[t] … (a2 is a1 by default). Returns a2.

    table.pack(···)
    A table of the arguments, with their number in field n.

    table.remove(list [, pos])
    Removes and returns list[pos], moving what follows; the last by default.

    table.sort(list [, comp])
    Sorts in place by comp(a, b), "a comes before b" (default <). Not stable.

    table.unpack(list [, i [, j]])
    Returns list[i] … list[j]; i is 1 and j is #list by default.

    utf8.char(···)
    The UTF-8 string of these code points.

    utf8.charpattern
    The pattern that matches one UTF-8 character.

    utf8.codepoint(s [, i [, j [, lax]]])
    The code points of the characters that start between bytes i and j.

    utf8.codes(s [, lax])
    Iterates over characters: for position, code in utf8.codes(s) do … end

    utf8.len(s [, i [, j [, lax]]])
    The number of characters; nil and the position of the first invalid byte if it is no UTF-8.

    utf8.offset(s, n [, i])
    The byte position where the n-th character (counted from byte i) begins.

    io.close([file])
    Closes file, or the default output.

    io.flush()
    Writes what the default output still holds.

    io.input([file])
    Sets (a file or a name) and returns the default input.

    io.lines([filename, ···])
    Iterates over the lines of a file: for line in io.lines("a.txt") do … end. Formats as in read.

    io.open(filename [, mode])
    Opens a file: "r", "w", "a", "r+", "w+", "a+", with "b" for binary. Returns it, or nil, a message and a code.

    io.output([file])
    Sets and returns the default output.

    io.popen(prog [, mode])
    Starts a program; reads from it ("r") or writes to it ("w").

    io.read(···)
    Reads from the default input, which is the client's prompt: "l" a line (default), "L" with newline, "n" a number,
    "a" everything, a number: so many bytes.

    io.tmpfile()
    A temporary file, removed at the end.

    io.type(obj)
    "file", "closed file", or nil.

    io.write(···)
    Writes strings and numbers to the default output.

    os.clock()
    CPU seconds that the process has used.

    os.date([format [, time]])
    Date and time by a strftime format; "*t" gives a table; "!" in front means UTC.

    os.difftime(t2, t1)
    Seconds from t1 to t2.

    os.execute([command])
    Runs a shell command. Returns true or nil, "exit" or "signal", and the code.

    os.exit([code [, close]])
    Ends the kernel with an exit code; true or nothing is 0, false 1.

    os.getenv(varname)
    The value of an environment variable, or nil.

    os.remove(filename)
    Deletes a file or an empty directory. Returns true, or nil, a message and a code.

    os.rename(oldname, newname)
    Renames a file. Returns true, or nil, a message and a code.

    os.setlocale(locale [, category])
    Sets the program's locale.

    os.time([table])
    Seconds since 1970: now, or of a table with year, month, day, hour, min, sec, isdst.

    os.tmpname()
    A name for a temporary file.

    debug.getinfo([thread,] f [, what])
    A table about a function or a stack level: source, short_src, currentline, linedefined, name, nparams, func, …

    debug.traceback([thread,] [message [, level]])
    The message with a traceback of the stack.

    debug.getlocal([thread,] f, local)
    Name and value of a local variable of a stack level, or the name of a parameter of a function.

    debug.sethook([thread,] hook, mask [, count])
    Calls hook at calls ("c"), returns ("r"), lines ("l") or every count instructions.

    package.path
    Where require looks for Lua modules: templates separated by semicolons, with ? for the name.

    package.cpath
    Where require looks for modules in C.

    package.loaded
    The values of the modules that were loaded, by name.

    package.preload
    Loaders of modules that need no search, by name.

    package.searchpath(name, path [, sep [, rep]])
    The file that name stands for in a path, or nil and what was tried.

    string
    Functions for strings; also their methods: s:rep(3).

    table
    Functions for lists.

    math
    Mathematical functions. Angles are in radians.

    io
    Files, input and output.

    os
    The operating system: time, files, environment, programs.

    coroutine
    Functions that can be suspended and resumed.

    utf8
    UTF-8 strings.

    debug
    Looking into functions and the stack.

    package
    Where modules come from.

    display(value, ···)
    Shows values now. display{html = "…", text = "…", id = "…"} shows representations: text, html, markdown, svg, png, jpeg,
    json, latex, or any MIME type. With an id it returns a handle; handle:update(value) shows another value in its place.

    clear_output([wait])
    Clears what the cell has shown; with wait, when the next output comes.

    plot(data [, options])
    A line chart as SVG; also plot.line, plot.bar, plot.scatter, plot.histogram. data: {1, 4, 9}, {x = …, y = …} or a list of
    such with label. options: title, xlabel, ylabel, bins.

    progress(total | list [, label])
    A progress bar. for i in progress(100) do … end; or bar:set(n), bar:step(), bar:finish().

    password([prompt])
    Asks the client for a line that is not shown as it is typed. Returns nil at the end of the input.

    comm.register(target, open)
    From now on calls open(comm, data, buffers) when a client opens a comm for target.

    comm.open(target [, data [, metadata [, buffers]]])
    Opens a comm to what the clients have registered under target. comm:send(data [, metadata [, buffers]]), comm:close(data),
    comm:on_message(function(data, buffers) … end), comm:on_close(function(data) … end).

    llm.complete{prompt = "…"}
    Asks the model of the kernel's config. options: system, stream (true or a function), format = "json", schema, tools, model,
    max_tokens, temperature, timeout. The reply has text, json, usage, finish_reason, tool_calls, messages.

    llm.chat{messages = {…}}
    Like llm.complete, of a whole conversation. messages: { role = "user", content = "…" } or reply.messages of an earlier one.
    tools: name = { description = …, parameters = { city = "string" }, run = function(args) … end }.

    llm.stream{prompt = "…"}
    An iterator over the pieces of the answer: for piece in llm.stream{…} do … end.

    help(name)
    Shows what a name stands for in the client's pager: help("string.format").

    state.get(key [, default])
    The value under a key of the kernel's durable state.

    state.set(key, value)
    Keeps a value (boolean, number, string or table of those) durably; nil removes.

    state.delete(key)
    Removes a key. Returns whether there was one.

    state.keys([prefix])
    The keys that begin with prefix, sorted.

    state.clear()
    Removes all keys.

    goto name
    Jumps to the label ::name:: of a block around it.

    for i = first, last [, step] do … end
    Numeric loop. for k, v in pairs(t) do … end is the generic one.

    while condition do … end
    Loops as long as the condition is true.

    repeat … until condition
    Loops until the condition is true; it sees the block's locals.

    if condition then … elseif condition then … else … end
    Only false and nil are false.

    local name <const|close> = value
    Declares local variables; <const> cannot change, <close> is closed (__close) at the end of its block.

    function name(parameters) … end
    A function; function t:name() has the parameter self.
    ]==] .. "\n"):gmatch("(.-)\n%s*\n") do
      local text = entry:gsub("\n%s+", "\n"):gsub("^%s+", "")
      local name = text:match("^[%a_][%w_%.]*")
      if name then entries[name] = text end
    end
    return function(name) return entries[name] end
    """#
}
