-- What few calls do: trim the history, put a task in its line again. A function that most
-- calls run through includes this file at the place where it does.

-- Now and then, not with each event: looking for what is too old costs as much as adding.
local function trim_events()
  redis.pcall('XTRIM', events, 'MAXLEN', '~', KEEP_EVENTS) -- `note` mends what is useless
end

-- Whether somebody took a task back while it ran: then nobody is to run it again.
local function is_cancelled(id)
  return redis.call('HEXISTS', task_key(id), 'cancel') == 1
end

-- Put a task in its line again: RPUSH at the head, LPUSH at the tail. False when it is none.
local function line_up(push, id, event)
  local priority = redis.pcall('HGET', task_key(id), 'priority')
  local line = line_of(priority)
  if not line then
    lose(id, NO_RECORD)
    return false
  end
  sure(push, line, id)
  redis.call('HSET', task_key(id), 'status', 'pending')
  note(event, id)
  return true
end
