# Shared by the test scripts (bash): totals and one line per step. Sourced, not run.
# Every runner ends with a line 'N passed, N failed, N skipped', which tools/run-tests adds up.

passed=0 failed=0 skipped=0

totals()
{
    if [ "$skipped" -gt 0 ]; then
        echo "$passed passed, $failed failed, $skipped skipped"
    else
        echo "$passed passed, $failed failed"
    fi
    [ "$failed" -eq 0 ]
}

ok() { passed=$((passed + 1)); printf '  ok    %s\n' "$*"; }
bad() { failed=$((failed + 1)); printf '  FAIL  %s\n' "$*"; }
skip() { skipped=$((skipped + 1)); printf '  skip  %s\n' "$*"; }

jobs_max=${JOBS:-$(nproc 2>/dev/null || echo 2)}
