-- A session in Neovim: a spec is opened, broken, mended by a quick fix, a tower is renamed, the text is formatted and saved. What
-- happens is told line by line. Runs on Neovim 0.7 and later: `nvim --headless -u NONE -c "luafile session.lua"` with the
-- command in RECKON, the spec in SPEC and the file for the story in STORY.
local reckon, spec, story = vim.env.RECKON, vim.env.SPEC, io.open(vim.env.STORY, "w")

local function tell(text) story:write(text, "\n") end

-- What goes wrong is part of the story, and ends it.
local function step(run)
  local fine, problem = pcall(run)
  if not fine then
    tell("error: " .. tostring(problem))
    story:close()
    vim.cmd("cquit 1")
  end
end

local function lines() return vim.api.nvim_buf_get_lines(0, 0, -1, false) end

-- The first place of a text, as line and column from 0.
local function place(text)
  for at, line in ipairs(lines()) do
    local column = line:find(text, 1, true)
    if column then return at - 1, column - 1 end
  end
  error("no `" .. text .. "` in the buffer")
end

local function replace(old, new)
  local line, column = place(old)
  vim.api.nvim_buf_set_text(0, line, column, line, column + #old, { new })
end

local function go_to(text)
  local line, column = place(text)
  vim.api.nvim_win_set_cursor(0, { line + 1, column })
end

-- Waits until the buffer has so many findings, and tells them.
local function findings(count)
  local there = vim.wait(20000, function() return #vim.diagnostic.get(0) == count end, 10)
  if not there then error("expected " .. count .. " findings, found " .. #vim.diagnostic.get(0)) end
  if count == 0 then tell("  no findings") end
  for _, one in ipairs(vim.diagnostic.get(0)) do
    local word = lines()[one.lnum + 1]:sub(one.col + 1, one.end_col)
    local code = one.code or (one.user_data and one.user_data.lsp.code)
    tell(("  line %d, `%s`: %s: %s"):format(one.lnum + 1, word, code, one.message:match("[^\n]*")))
  end
end

local function ask(method, params)
  local answers = vim.lsp.buf_request_sync(0, method, params, 20000)
  for _, answer in pairs(answers or {}) do
    local problem = answer.err or answer.error
    if problem then error(method .. ": " .. problem.message) end
    if answer.result then return answer.result end
  end
  error("no answer to " .. method)
end

local function apply(edit) vim.lsp.util.apply_workspace_edit(edit, "utf-16") end

step(function()
  tell("open")
  vim.cmd("edit " .. spec)
  local shown = false
  local client = vim.lsp.start_client({
    name = "reckon",
    cmd = { reckon, "lsp" },
    root_dir = vim.fn.fnamemodify(spec, ":h"),
    handlers = {
      ["textDocument/publishDiagnostics"] = function(...)
        shown = true
        vim.lsp.handlers["textDocument/publishDiagnostics"](...)
      end,
    },
  })
  vim.lsp.buf_attach_client(0, client)
  if not vim.wait(20000, function() return shown end, 10) then error("the server says nothing") end
  findings(0)
end)

step(function()
  tell("break: `normalize` becomes `normalise`")
  replace("|> normalize", "|> normalise")
  findings(1)
end)

step(function()
  go_to("normalise")
  local one = vim.diagnostic.get(0)[1]
  local params = vim.lsp.util.make_range_params()
  params.range = {
    start = { line = one.lnum, character = one.col },
    ["end"] = { line = one.end_lnum, character = one.end_col },
  }
  params.context = { diagnostics = { { range = params.range, message = one.message } } }
  local actions = ask("textDocument/codeAction", params)
  for _, action in ipairs(actions) do tell("quick fix: " .. action.title) end
  apply(actions[1].edit)
  findings(0)
end)

step(function()
  go_to("film(m: movie)")
  local params = vim.lsp.util.make_position_params()
  params.newName = "item"
  local edit = ask("textDocument/rename", params)
  apply(edit)
  tell("rename: `film` to `item`")
  findings(0)
end)

step(function()
  tell("format: a line that was typed in a hurry")
  replace("  batch 1024", "  batch    1024")
  local params = { textDocument = vim.lsp.util.make_text_document_params(), options = { tabSize = 2, insertSpaces = true } }
  vim.lsp.util.apply_text_edits(ask("textDocument/formatting", params), 0, "utf-16")
  tell("  " .. lines()[place("batch 1024") + 1])
end)

step(function()
  vim.cmd("write")
  tell("saved")
end)

story:close()
vim.cmd("qall!")
