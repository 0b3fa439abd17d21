#!/usr/bin/env bash
# Builds everything with warnings as errors, runs every test project, checks the format, and sums up.
# The last line is `N passed, N failed`; the exit code is 0 only when nothing failed and every project ran tests.
#
#   ./test.sh                          everything
#   ./test.sh Protocol EndToEnd        only these test projects (any part of their names)
#   ./test.sh EndToEnd -- -class '*Readme*'
#                                      what follows `--` goes to the test program (xunit.v3; `-help` shows what it takes)
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# Longest run of one test project, in seconds. The slowest takes a few minutes on two busy cores.
readonly project_seconds_max="${TEST_SECONDS_MAX:-900}"

# The project that only computes. It has no clock and no process to wait for, so it runs beside all others, in the time that they spend
# waiting: the system gives it a core only when nobody else wants it. What it says is shown at the end. By itself it runs like any other.
readonly beside=Stentor.Simulation.Tests

only=()
runner_options=()
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    --) shift; runner_options=("$@"); break ;;
    -*) echo "test.sh: unknown option '$1'; ./test.sh --help shows what there is." >&2; exit 2 ;;
    *) only+=("$1"); shift ;;
  esac
done

export DOTNET_CLI_USE_MSBUILD_SERVER=0 DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

say() { printf '\n== %s\n' "$*"; }

# What the tests need besides the SDK: git and curl (they do what the README says in a fresh clone) and script (they give it
# a terminal). Every Debian has both or can have them; nothing is installed where they are there.
install_needs() {
  local missing=()
  command -v git >/dev/null || missing+=(git)
  command -v script >/dev/null || missing+=(bsdutils)
  command -v curl >/dev/null || missing+=(curl)
  if [ ${#missing[@]} -gt 0 ]; then
    say "installing ${missing[*]}"
    local sudo=""
    [ "$(id -u)" = 0 ] || sudo="sudo"
    $sudo apt-get update -q && $sudo apt-get install -y -q "${missing[@]}" || {
      echo "test.sh: could not install ${missing[*]}; install it by hand and try again." >&2
      exit 1
    }
  fi
  command -v dotnet >/dev/null || {
    echo "test.sh: there is no 'dotnet' on the PATH. Install the .NET 10 SDK: https://dotnet.microsoft.com/download" >&2
    exit 1
  }
}

# Starts a command in a process group of its own, with a time limit in seconds (0: none); its id is then in $started.
# What a script starts in the background ignores SIGINT, which every child inherits, but the tests press Ctrl-C.
start() {
  local seconds="$1"
  shift
  timeout --kill-after=10 "$seconds" env --default-signal=INT,QUIT "$@" &
  started=$!
}

# Whether what was started still runs. Nobody else can have its id then.
runs() { jobs -rp | grep -qx "$1"; }

# Waits for what was started, ends what it leaves behind in its group, and returns its exit code.
await() {
  local code=0 group=""
  ! runs "$1" || group="$1"
  wait "$1" || code=$?
  [ -z "$group" ] || kill -KILL -- "-$group" 2>/dev/null
  return "$code"
}

# Ends what was started: `timeout` passes the signal on to its group, and ten seconds later a deadly one.
end() {
  ! runs "$1" || kill "$1" 2>/dev/null
  await "$1"
}

# Where the compiler of the build listens: compilers use /tmp whatever TMPDIR says.
readonly compiler_pipe="stentor-compiler-$$"

# However this script ends, so does all that it started.
end_all() {
  local process processes
  processes="$(jobs -rp)"
  for process in $processes; do kill "$process" 2>/dev/null; done
  for process in $processes; do await "$process"; done
  rm -f "/tmp/$compiler_pipe"
}

trap end_all EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

failed_steps=()
passed=0
failed=0

step() {
  local name="$1"
  shift
  say "$name"
  local began=$SECONDS
  if "$@"; then
    echo "$name: done in $((SECONDS - began)) s"
  else
    echo "$name: FAILED after $((SECONDS - began)) s"
    failed_steps+=("$name")
    failed=$((failed + 1))
    return 1
  fi
}

run() {
  start 0 "$@"
  await "$started"
}

# One compiler for all projects: one for each would spend most of its time getting warm, and so does one that profiles itself. It is ours
# alone and ends with the build; no build server stays behind either. Where the SDK has it elsewhere, each project has its own.
build() {
  local -x DOTNET_TieredPGO=0
  local options=(-p:UseSharedCompilation=false) compiler="" program tries code=0
  program="$(dirname "$(readlink -f "$(command -v dotnet)")")/sdk/$(dotnet --version)/Roslyn/bincore/VBCSCompiler.dll"
  if [ -f "$program" ]; then
    start 0 dotnet "$program" "-pipename:$compiler_pipe" >/dev/null
    compiler=$started
    # Only when it listens: otherwise the build would start one that stays behind.
    for tries in {1..100}; do
      if [ -S "/tmp/$compiler_pipe" ]; then
        options=(-p:UseSharedCompilation=true "-p:SharedCompilationId=$compiler_pipe")
        break
      fi
      sleep 0.1
    done
  fi
  run dotnet build Stentor.slnx -v quiet -nologo -nodeReuse:false "${options[@]}" || code=$?
  [ -z "$compiler" ] || end "$compiler"
  return "$code"
}

finish() {
  say "sum"
  local name
  for name in "${failed_steps[@]+"${failed_steps[@]}"}"; do
    echo "FAILED: $name"
    # Which tests, and the first lines of why: many only ever see the end of this output.
    [ ! -s "out/tests/${name%%:*}.log" ] || grep -F -A 20 '[FAIL]' "out/tests/${name%%:*}.log"
  done
  echo "all in $SECONDS s"
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
  exit
}

# An attribute of the first <assembly> in an xunit result file.
attribute() { sed -n "s/.*<assembly [^>]*[[:space:]]$2=\"\([0-9]*\)\".*/\1/p" "$1" | head -n 1; }

# Starts the tests of a project.
start_tests() {
  local project="$1" seconds="$2" name
  shift 2
  name="$(basename "$project")"
  rm -f "out/tests/$name.xml"
  start "$seconds" "$@" dotnet "$project/bin/Debug/net10.0/$name.dll" -noLogo -noColor -xml "$PWD/out/tests/$name.xml" "${runner_options[@]+"${runner_options[@]}"}"
}

run_project() {
  local project="$1" name began=$SECONDS tee code=0
  name="$(basename "$project")"
  say "$name"
  exec 3> >(exec tee "out/tests/$name.log")
  tee=$!
  start_tests "$project" "$project_seconds_max" >&3 3>&-
  exec 3>&-
  await "$started" || code=$?
  wait "$tee"
  count "$name" "$code" "$((SECONDS - began))"
}

start_beside() {
  local idle=(nice -n 19)
  ! chrt --idle 0 true 2>/dev/null || idle=(chrt --idle 0)
  say "$beside: begins beside the others"
  beside_began=$EPOCHSECONDS
  # Twice the time: it gets what is left over.
  start_tests "tests/$beside" $((2 * project_seconds_max)) "${idle[@]}" >"out/tests/$beside.log" 2>&1
  beside_process=$started
}

finish_beside() {
  local code=0 ended=""
  say "$beside"
  if runs "$beside_process"; then
    # The others have ended. Whoever may takes it out of the idle class now, for its share of a machine that others use too.
    chrt --all-tasks --other --pid 0 "$(cat "/proc/$beside_process/task/$beside_process/children")" >/dev/null 2>&1
  else
    ended="$(stat -c %Y "out/tests/$beside.log")" # With its last line.
  fi
  await "$beside_process" || code=$?
  cat "out/tests/$beside.log"
  count "$beside" "$code" $((${ended:-$EPOCHSECONDS} - beside_began))
}

# Adds what a project came to.
count() {
  local name="$1" code="$2" seconds="$3" results="out/tests/$1.xml"

  # The result file decides, not the text on the screen; a project that died before it wrote one has failed.
  local p=0 f=0 e=0 s=0
  if [ -s "$results" ]; then
    p="$(attribute "$results" passed)"
    f="$(attribute "$results" failed)"
    e="$(attribute "$results" errors)"
    s="$(attribute "$results" skipped)"
  fi
  p="${p:-0}" f="${f:-0}" e="${e:-0}" s="${s:-0}"
  echo "$name: $p passed, $((f + e)) failed in $seconds s"
  passed=$((passed + p))
  failed=$((failed + f + e))
  if [ "$f" != 0 ] || [ "$e" != 0 ]; then
    failed_steps+=("$name: $((f + e)) failed")
  elif [ "$s" != 0 ]; then
    failed_steps+=("$name: $s skipped; nothing is skipped here")
    failed=$((failed + s))
  elif [ "$code" != 0 ]; then
    failed_steps+=("$name: ended with exit code $code")
    failed=$((failed + 1))
  elif [ "$p" = 0 ] && [ ${#runner_options[@]} = 0 ]; then
    failed_steps+=("$name: ran no tests")
    failed=$((failed + 1))
  fi
}

wanted() {
  [ ${#only[@]} = 0 ] && return 0
  local part
  for part in "${only[@]}"; do
    case "$(basename "$1")" in *"$part"*) return 0 ;; esac
  done
  return 1
}

install_needs
mkdir -p out/tests

projects=()
for project in tests/*/; do
  project="${project%/}"
  if grep -q 'Include="xunit.v3"' "$project"/*.csproj && wanted "$project"; then
    projects+=("$project")
  fi
done

step "build" build || finish

beside_process=""
if [ ${#projects[@]} -gt 1 ] && wanted "$beside"; then
  start_beside
fi

if [ ${#only[@]} = 0 ] && [ ${#runner_options[@]} = 0 ]; then
  # White space only: the build has refused what breaks a rule of style.
  step "format" run dotnet format whitespace Stentor.slnx --verify-no-changes --no-restore --verbosity minimal
fi

# The end-to-end tests run what users run: the Release build that ./stentor makes.
step "program" run ./stentor --version || finish

for project in "${projects[@]}"; do
  if [ -z "$beside_process" ] || [ "$(basename "$project")" != "$beside" ]; then
    run_project "$project"
  fi
done
if [ ${#projects[@]} = 0 ]; then
  echo "test.sh: no test project is called '${only[*]}'." >&2
  failed=$((failed + 1))
fi

if [ ${#only[@]} = 0 ] && [ ${#runner_options[@]} = 0 ]; then
  # Each benchmark once: it measures nothing, but it still runs.
  step "benchmarks, smoke mode" run dotnet bench/Stentor.Benchmarks/bin/Debug/net10.0/Stentor.Benchmarks.dll --smoke
fi

[ -z "$beside_process" ] || finish_beside
finish
