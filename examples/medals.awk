# Turns olympics/athletes.csv into bodies for `stentor publish --bodies`: each athlete's medals are added to the team's tally (medals.TEAM),
# and points for them (gold 3, silver 2, bronze 1) to the team's score in the sport (scores.SPORT).
#
#   awk -f examples/medals.awk examples/data/olympics/athletes.csv | ./stentor publish --bodies
#
# The ids make it safe to run it twice: what is recorded already is not counted again.

# Splits a line of CSV into field[1…]; a quoted field may hold commas, and quotes doubled.
function split_csv(line,    n, at, letter, quoted) {
  n = 1
  field[n] = ""
  quoted = 0
  for (at = 1; at <= length(line); at++) {
    letter = substr(line, at, 1)
    if (letter == "\"") {
      if (quoted && substr(line, at + 1, 1) == "\"") { field[n] = field[n] letter; at++ }
      else quoted = !quoted
    } else if (letter == "," && !quoted) {
      field[++n] = ""
    } else {
      field[n] = field[n] letter
    }
  }
}

function json(text) {
  gsub(/\\/, "\\\\", text)
  gsub(/"/, "\\\"", text)
  return "\"" text "\""
}

NR > 1 {
  sub(/\r$/, "")
  split_csv($0)
  sport = field[8]
  gsub(/ /, "-", sport)
  athlete = "{\"type\":\"Person\",\"name\":" json(field[2]) "}"
  printf "{\"channel\":\"medals.%s\",\"id\":\"medals-%s\",\"activity\":{\"type\":\"Add\",\"actor\":%s},\"effect\":{\"add\":{\"athletes\":1,\"gold\":%d,\"silver\":%d,\"bronze\":%d}}}\n",
    field[3], field[1], athlete, field[9], field[10], field[11]
  printf "{\"channel\":\"scores.%s\",\"id\":\"scores-%s\",\"activity\":{\"type\":\"Add\",\"actor\":%s},\"effect\":{\"add\":{\"%s\":%d}}}\n",
    sport, field[1], athlete, field[3], 3 * field[9] + 2 * field[10] + field[11]
}
