-- The grammar of editors in Neovim, as docs/editors.md sets it up: every spec is read, and one line is told word by word with its
-- colour. Runs on Neovim 0.7 and later: `nvim --headless -u NONE -c "luafile colours.lua"` with a folder that holds
-- `parser/reckon.so` and `queries/reckon` in RUNTIME and the file for the story in STORY, in the root of the repository.
local story = io.open(vim.env.STORY, "w")
local function tell(text) story:write(text, "\n") end

local function read(file)
  vim.cmd("edit " .. file)
  return vim.treesitter.get_parser(0, "reckon"):parse()[1]:root()
end

local fine, problem = pcall(function()
  vim.opt.runtimepath:prepend(vim.env.RUNTIME)
  local specs = {}
  for _, folder in ipairs({ "examples", "stdlib" }) do
    vim.list_extend(specs, vim.fn.globpath(folder, "**/*.rec", false, true))
  end
  for _, file in ipairs(specs) do
    if read(file):has_error() then tell("error in " .. file) end
  end
  tell(#specs >= 45 and "read all specs" or "found only " .. #specs .. " specs")
  local root = read("examples/movielens/two_tower.rec")
  local load = (vim.treesitter.query or {}).get or vim.treesitter.get_query
  local folds = 0
  for _ in load("reckon", "folds"):iter_captures(root, 0, 0, -1) do folds = folds + 1 end
  tell("folds: " .. folds)
  local colours = load("reckon", "highlights")
  local line = vim.fn.search("^tower film") - 1
  for id, node in colours:iter_captures(root, 0, line, line + 1) do
    local _, first, _, last = node:range()
    local text = vim.api.nvim_buf_get_lines(0, line, line + 1, false)[1]:sub(first + 1, last)
    tell(("  %-20s %s"):format(colours.captures[id], text))
  end
  -- Neovim's own highlighter takes the query as it is
  vim.treesitter.highlighter.new(vim.treesitter.get_parser(0, "reckon"))
  vim.cmd("redraw!")
  tell("highlighted")
end)
if not fine then tell("error: " .. tostring(problem)) end
story:close()
vim.cmd(fine and "qall!" or "cquit 1")
