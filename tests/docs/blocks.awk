# Takes a page apart (see run). With -v steps=FOLDER, step n becomes the files n.line and, of a command, n.command and
# n.want, of a file, n.file (its name) and n.content. With -v rewrite=FOLDER the page is printed, with n.new, where there
# is one, in place of what the page shows.

function step_file(suffix) { return sprintf("%s/%04d.%s", steps == "" ? rewrite : steps, count, suffix) }

function begin_step(suffix, text) {
  finish_step()
  ++count
  if (steps != "") {
    print FNR > step_file("line")
    printf "%s", text > step_file(suffix)
    close(step_file("line"))
    printf "" > step_file(suffix == "file" ? "content" : "want")
  }
}

# What the page shows is over: where it is rewritten, what is printed takes its place.
function finish_step(   line) {
  if (replaced) {
    while ((getline line < step_file("new")) > 0) print line
    close(step_file("new"))
  }
  replaced = 0
}

function is_replaced(   line, there) {
  if (rewrite == "") return 0
  there = (getline line < step_file("new")) >= 0
  close(step_file("new"))
  return there
}

function keep() { if (rewrite != "") print }

/^ *```/ && inside != "" {
  finish_step()
  inside = ""
  keep()
  next
}

/^ *```/ {
  inside = /^ *```console *$/ ? "console" : "other"
  if (NF == 2 && inside == "other") {
    inside = "file"
    begin_step("file", $2 "\n")
  }
  keep()
  next
}

inside == "file" {
  if (steps != "") print > step_file("content")
  keep()
  next
}

inside == "console" && /^\$ / {
  begin_step("command", substr($0, 3) "\n")
  in_command = 1
  goes_on = /\\$/
  keep()
  replaced = is_replaced()
  next
}

inside == "console" && in_command && (goes_on || /^> /) {
  if (steps != "") printf "%s\n", /^> / ? substr($0, 3) : $0 > step_file("command")
  goes_on = /\\$/
  keep()
  next
}

inside == "console" && count > 0 {
  in_command = 0
  if (steps != "") print > step_file("want")
  if (!replaced) keep()
  next
}

{ keep() }
