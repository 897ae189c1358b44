-- Uploads pictures, one a request, in turn: wrk -s upload.lua URL -- FIELD LIST ANSWERS
-- FIELD: the form's field; LIST: a file with a path a line; ANSWERS: where "status id" of each
-- answer goes, to be held against the history.
local threads = 0
local BOUNDARY = "----------------upload"

function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

local function form(field, path)
  local file = assert(io.open(path, "rb"))
  local data = file:read("*a")
  file:close()
  return "--" .. BOUNDARY .. "\r\n"
    .. 'Content-Disposition: form-data; name="' .. field .. '"; filename="picture.jpg"\r\n'
    .. "Content-Type: image/jpeg\r\n\r\n" .. data .. "\r\n--" .. BOUNDARY .. "--\r\n"
end

function init(args)
  local headers = { ["Content-Type"] = "multipart/form-data; boundary=" .. BOUNDARY }
  requests = {}
  for path in io.lines(args[2]) do
    requests[#requests + 1] = wrk.format("POST", nil, headers, form(args[1], path))
  end
  answers = assert(io.open(args[3] .. "." .. number, "w"))
  turn = number
end

function request()
  turn = turn + 1
  return requests[turn % #requests + 1]
end

function response(status, headers, body)
  answers:write(status, " ", body:match('"id":%s*(%d+)') or "-", "\n")
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"seconds": %f, "p50_ms": %f, "p90_ms": %f, "p99_ms": %f, "max_ms": %f, "broken": %d}\n',
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(90) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3,
    errors.connect + errors.read + errors.write + errors.timeout
  ))
end
