# compare.awk WANT GOT: with -v what=compare, whether what was printed is what the page shows (see run), as the exit code;
# with -v what=update, what the page should show: the lines printed, under the page's own lines where these match, and
# with `...` where the page left lines out.

BEGIN { dots = "\342\200\246" } # …

FNR == NR && FILENAME == ARGV[1] { want[++wants] = $0; next }
# What is said off a terminal alone, while time passes: on one it comes and goes in a line.
/^headscope: .*(━|──)/ || /^headscope: ([0-9]+ of [0-9]+|detecting): / { next }
{ got[++gots] = $0 }

function is_left_out(line) { return line ~ /^ *\.\.\. *$/ || line == dots }

# Three places at least: 23.3 is a head.
function decimal_at(text) { return match(text, /^[0-9]+\.[0-9][0-9][0-9]+/) ? substr(text, 1, RLENGTH) : "" }

# Whether two decimals are the same to one unit in the last place shown.
function close_to(a, b,   places, unit, difference) {
  places = length(a) - index(a, ".")
  if (places != length(b) - index(b, ".")) return 0
  unit = 10 ^ -places
  difference = a - b
  if (difference < 0) difference = -difference
  return difference < 1.5 * unit
}

function line_matches(shown, line,   a, b, i) {
  while (shown != "") {
    if (index(shown, dots) == 1) {
      shown = substr(shown, length(dots) + 1)
      if (shown == "") return 1
      for (i = 1; i <= length(line) + 1; ++i) if (line_matches(shown, substr(line, i))) return 1
      return 0
    }
    a = decimal_at(shown)
    b = decimal_at(line)
    if (a != "" && b != "" && close_to(a, b)) {
      shown = substr(shown, length(a) + 1)
      line = substr(line, length(b) + 1)
    } else {
      if (substr(shown, 1, 1) != substr(line, 1, 1)) return 0
      shown = substr(shown, 2)
      line = substr(line, 2)
    }
  }
  return line == ""
}

function all_match(   i, j, from, upto) {
  i = j = 1
  from = 0
  while (j <= gots) {
    if (i <= wants && is_left_out(want[i])) {
      from = i++
      upto = j
    } else if (i <= wants && line_matches(want[i], got[j])) {
      ++i
      ++j
    } else if (from) { # the lines left out are more
      i = from + 1
      j = ++upto
    } else {
      return 0
    }
  }
  while (i <= wants && is_left_out(want[i])) ++i
  return i > wants
}

# The page's own line where it stands for this one, so that a time stays left out; of a new line, what differs from run to
# run is left out.
function as_shown(line,   i) {
  for (i = 1; i <= wants; ++i) {
    if (index(want[i], dots) && !is_left_out(want[i]) && line_matches(want[i], line)) return want[i]
  }
  if (match(line, /^(created|free|memory) +/)) return substr(line, 1, RLENGTH) dots
  if (match(line, /[0-9.]+ (ms|s|min|h)( [0-9.]+ s)?$/) && substr(line, 1, RSTART - 1) ~ /(^| )(took|in) $/) {
    return substr(line, 1, RSTART - 1) dots
  }
  return line
}

function rewritten(   i, first, last) {
  for (i = 1; i <= wants; ++i) {
    if (is_left_out(want[i])) {
      first = first ? first : i
      last = i
    }
  }
  for (i = 1; i <= gots; ++i) {
    if (first && i >= first && i <= gots - (wants - last)) {
      if (i == first) print want[first]
    } else {
      print as_shown(got[i])
    }
  }
}

END {
  while (wants > 0 && want[wants] ~ /^ *$/) --wants # a blank line before the next command or the fence
  while (gots > 0 && got[gots] ~ /^ *$/) --gots
  if (what == "update") rewritten()
  else exit !all_match()
}
