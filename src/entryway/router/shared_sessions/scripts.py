"""What happens in the store in one step, as Lua; nothing can come between a check and what follows from it.

A session is a hash: `v` counts its changes, `i` and `c…` hold sealed values. `v` 0 marks a session that has ended: it
stays for longer than any process can remember the session, so that nothing brings it back. Each change is noted in a
stream, which every router follows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

ENDED, MISSING = 0, -1
"""Versions that a session cannot have: it was ended; the store does not know it."""


@dataclass(frozen=True, slots=True)
class Script:
    """One script and the name that the store gives it."""

    text: str
    sha: str


def _script(text: str) -> Script:
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


# By the store's own clock: entries older than what a router may have missed without noticing go. The stream itself goes
# when nobody has changed anything for long.
_NOTE = """
local function note(log, name, version)
  local horizon = redis.call('TIME')[1] - 60
  redis.call('XADD', log, 'MINID', '~', horizon .. '000', '*', 'k', name, 'v', version)
  redis.call('PEXPIRE', log, 180000)
end
"""

LOAD = _script("""
local version = redis.call('HGET', KEYS[1], 'v')
if not version then return {-1} end
if version == '0' then return {0} end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
if version == ARGV[2] then return {tonumber(version)} end
local fields = redis.call('HGETALL', KEYS[1])
table.insert(fields, 1, tonumber(version))
return fields
""")
"""Keys: session. Arguments: milliseconds to live, the version that is known. Returns version, then fields if newer."""

WRITE = _script(
    _NOTE
    + """
local version = redis.call('HGET', KEYS[1], 'v')
if version == '0' then return 0 end
if not version and ARGV[1] ~= 'create' then return -1 end
local puts = tonumber(ARGV[4])
for i = 5, 3 + 2 * puts, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = 5 + 2 * puts, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
version = redis.call('HINCRBY', KEYS[1], 'v', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
note(KEYS[2], ARGV[3], version)
return version
"""
)
"""Keys: session, stream. Arguments: create or update, milliseconds to live, name, how many puts, puts, drops."""

END = _script(
    _NOTE
    + """
local version = redis.call('HGET', KEYS[1], 'v')
if version == '0' then return 0 end
if version and ARGV[3] == 'expired' then
  local left = redis.call('PTTL', KEYS[1])
  if left > 0 then return left end
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'v', 0)
redis.call('PEXPIRE', KEYS[1], ARGV[1])
note(KEYS[2], ARGV[2], 0)
return -1
"""
)
"""Keys: session, stream. Arguments: milliseconds to remember the end, name, `expired` or `dropped`.
Returns 0 if it had ended before, -1 if this ended it, else the milliseconds that it still has."""

TOUCH = _script("""
local versions = {}
for i, key in ipairs(KEYS) do
  local version = redis.call('HGET', key, 'v')
  if version and version ~= '0' then redis.call('PEXPIRE', key, ARGV[1]) end
  versions[i] = tonumber(version or -1)
end
return versions
""")
"""Keys: sessions. Arguments: milliseconds to live. Returns their versions."""

TAKE = _script("""
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return holder end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
""")
"""Keys: what to take. Arguments: who takes it, milliseconds. Returns who has it; asking twice does no harm."""

GIVE_BACK = _script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then return redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
""")
"""Keys: what was taken. Arguments: who took it, what to leave in its place (empty: nothing), milliseconds."""

NOTE_SID = _script("""
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 1
""")
"""Keys: a login at the identity service. Arguments: name of a session, its sealed cookie, milliseconds to keep it."""

WITH_SID = _script("return redis.call('HVALS', KEYS[1])")
"""Keys: a login at the identity service. Returns the sealed cookies of its sessions."""

OPEN_SERVICE_SESSION = _script("""
local new = redis.call('HSETNX', KEYS[1], 'i', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
local fields = redis.call('HGETALL', KEYS[1])
table.insert(fields, 1, new)
return fields
""")
"""Keys: session of a service. Arguments: milliseconds to live, its identity if it is new. Returns if it was, fields."""

KEEP_SERVICE_SESSION = _script("""
local puts = tonumber(ARGV[2])
for i = 3, 1 + 2 * puts, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = 3 + 2 * puts, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
""")
"""Keys: session of a service. Arguments: milliseconds to live, how many puts, puts, drops."""
