// Comms: channels between a script and something in a front end, such as a widget.

enum CommModule {
  /// A chunk that is called with the prelude's table and returns a table of functions.
  static let source = #"""
    local F = ...
    local send, new_id, fail = F.comm_send, F.comm_id, F.fail
    local type, setmetatable, tostring = type, setmetatable, tostring
    local comm, comms, targets = {}, {}, {}

    local Comm = { __name = "comm" }
    Comm.__index = Comm
    function Comm.__tostring(self) return "comm " .. self.target .. " " .. self.id end

    local function new(id, target) return setmetatable({ id = id, target = target, is_open = true }, Comm) end

    local function check(value, wanted, what)
      if value ~= nil and type(value) ~= wanted then
        fail("comm: " .. what .. " must be a " .. wanted .. ", not a " .. type(value))
      end
    end

    local function publish(self, kind, data, metadata, buffers)
      local problem = send(kind, self.id, self.target, data or {}, metadata or {}, buffers or {})
      if problem then fail("comm: " .. problem) end
    end

    --- Sends data, a table, and binary buffers, a list of strings, to the other end.
    function Comm:send(data, metadata, buffers)
      if not self.is_open then fail("comm: " .. tostring(self) .. " is closed") end
      check(data, "table", "data")
      check(buffers, "table", "buffers")
      publish(self, "comm_msg", data, metadata, buffers)
    end

    function Comm:close(data)
      if not self.is_open then return end
      check(data, "table", "data")
      self.is_open, comms[self.id] = false, nil
      publish(self, "comm_close", data)
    end

    --- From now on calls take(data, buffers) with what the other end sends.
    function Comm:on_message(take)
      check(take, "function", "what on_message calls")
      self.take_message = take
    end

    --- Calls take(data, buffers) when the other end has closed.
    function Comm:on_close(take)
      check(take, "function", "what on_close calls")
      self.take_close = take
    end

    --- Opens a comm to what a front end has registered under a name.
    function comm.open(target, data, metadata, buffers)
      if type(target) ~= "string" then fail("comm.open: the target is a name, not a " .. type(target)) end
      check(data, "table", "data")
      check(buffers, "table", "buffers")
      local self = new(new_id(), target)
      publish(self, "comm_open", data, metadata, buffers)
      comms[self.id] = self
      return self
    end

    --- From now on calls open(comm, data, buffers) when a front end opens a comm for this name; nil ends that.
    function comm.register(target, open)
      if type(target) ~= "string" then fail("comm.register: the target is a name, not a " .. type(target)) end
      check(open, "function", "what a target calls")
      targets[target] = open
    end

    --- What a front end sent. Returns whether there is somebody to take it.
    function comm.received(kind, id, target, data, buffers)
      if kind == "comm_open" then
        local open = targets[target]
        if not open then return false end
        local self = new(id, target)
        open(self, data, buffers)
        if self.is_open then comms[id] = self end
        return true
      end
      local self = comms[id]
      if not self then return false end
      if kind == "comm_msg" then
        if self.take_message then self.take_message(data, buffers) end
      else
        self.is_open, comms[id] = false, nil
        if self.take_close then self.take_close(data, buffers) end
      end
      return true
    end

    return comm
    """#
}
