/* The crash report.
 *
 *     === REDIS BUG REPORT START ...        the frame that log scanners look for
 *     who crashed, by which signal, where   (or the assertion that failed)
 *     ------ STACK TRACE ------             names from the executable's file, no allocation
 *     ------ REGISTERS ------
 *     further sections of the owner         may crash again: then a short report of that, and the end
 *     === REDIS BUG REPORT END ...
 *
 * Only functions that are safe in a signal handler are used, apart from vsnprintf (which glibc keeps free of allocation
 * for plain conversions) and what the owner's sections do. Invariant: crash_depth counts the reports begun in this
 * process; only the thread that began the first one goes on, others wait for the end. */
#undef NDEBUG /* for the declaration of __assert_fail, which a release build needs to define as well */
#include <assert.h>

#include "sys/crash.h"

#include "sys/crash_impl.h"
#include "sys/process_globals.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
    STACK_BYTES = 256 * 1024, /* of the handler: a stack overflow must be reportable, and INFO is formatted on it */
    FRAMES_MAX = 100,
    STACK_WORDS_SHOWN = 16,
    REPORT_SECONDS_MAX = 10,
    PRINT_MAX = 4096
};

static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 }; /* the sanitizer's own report says more */
#else
enum { SANITIZED = 0 };
#endif

/* ----------------------------------------------------------------------------------------------------------- pieces */

void crash_print(int fd, const char *fmt, ...)
{
    char text[PRINT_MAX];
    va_list ap;
    va_start(ap, fmt);
    int want = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    size_t len = want < 0 ? 0 : want < PRINT_MAX ? (size_t)want : PRINT_MAX - 1;
    const char *at = text;
    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        at += n;
        len -= (size_t)n;
    }
}

/* The log's descriptor. A file that is opened per line is opened once more and left open: the process ends. */
static int log_open(const struct logger *log)
{
    if (log->path[0]) return open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    return log->fd >= 0 ? log->fd : STDERR_FILENO;
}

static void log_close(const struct logger *log, int fd)
{
    if (log->path[0] && fd >= 0) close(fd);
}

static void print_stack(int fd, void *pc)
{
    void *frames[FRAMES_MAX];
    crash_print(fd, "\n------ STACK TRACE ------\n");
    if (pc) {
        crash_print(fd, "EIP:\n");
        crash_print_frames(fd, &pc, 1);
    }
    crash_print(fd, "\nBacktrace:\n");
    int count = backtrace(frames, FRAMES_MAX);
    if (count > 1) crash_print_frames(fd, frames + 1, count - 1); /* without this function */
}

static void print_registers(int fd, const ucontext_t *context)
{
    size_t count;
    const struct crash_register *registers = crash_registers(&count);
    crash_print(fd, "\n------ REGISTERS ------\n");
    for (size_t i = 0; i < count; i++)
        crash_print(fd, "%s:%016lx%s", registers[i].name,
                    (unsigned long)crash_register_value(context, registers[i].index),
                    i % 2 || i + 1 == count ? "\n" : " ");
}

/* Takes the report for this thread; the depth it is at now: 1 for the first, more inside a report. */
static int report_begin(void)
{
    int me = (int)syscall(SYS_gettid), nobody = 0;
    if (!atomic_compare_exchange_strong(&process_globals.crash_thread, &nobody, me) && nobody != me)
        for (;;) pause(); /* another thread reports; the process ends with it */
    return atomic_fetch_add(&process_globals.crash_depth, 1) + 1;
}

static void report_start(int fd)
{
    /* A report that hangs, say on a lock of the allocator, must not keep a dead server alive. */
    signal(SIGALRM, SIG_DFL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    alarm(REPORT_SECONDS_MAX);
    crash_print(fd, "\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n");
}

static void report_end(const struct crash_options *options, int fd)
{
    crash_print(fd, "\n=== REDIS BUG REPORT END. Make sure to include from START to END. ===\n\n");
    if (options->help) crash_print(fd, "%s\n", options->help);
    if (options->pidfile) unlink(options->pidfile);
}

static noreturn_fn void die_by(int sig)
{
    signal(sig, SIG_DFL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(sig);
    _exit(1);
}

/* --------------------------------------------------------------------------------------------------------- crashes */

static void on_crash_signal(int sig, siginfo_t *info, void *context)
{
    const struct crash_options *options = atomic_load(&process_globals.crash);
    int depth = report_begin();
    if (!options || depth > 2) die_by(sig);
    void *pc = crash_program_counter(context);
    int fd = log_open(options->log);
    if (depth == 2) {
        crash_print(fd, "\nCrashed running signal handler. Providing reduced version of recursive crash report.\n");
    } else {
        report_start(fd);
    }
    int pid = (int)getpid(), role = options->log->role;
    crash_print(fd, "%d:%c # %s crashed by signal: %d, si_code: %d\n", pid, role, options->title, sig, info->si_code);
    if (info->si_code == SI_USER)
        crash_print(fd, "%d:%c # Killed by PID: %ld, UID: %d\n", pid, role, (long)info->si_pid, (int)info->si_uid);
    else if (sig == SIGSEGV || sig == SIGBUS)
        crash_print(fd, "%d:%c # Accessing address: %p\n", pid, role, info->si_addr);
    if (pc) crash_print(fd, "%d:%c # Crashed running the instruction at: %p\n", pid, role, pc);
    print_stack(fd, pc);
    if (depth == 1) {
        print_registers(fd, context);
        if (options->sections) options->sections(options->arg, fd);
    }
    report_end(options, fd);
    die_by(sig);
}

static void handler_set(int sig, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction act = {.sa_flags = SA_SIGINFO | SA_ONSTACK | flags};
    act.sa_sigaction = handler;
    sigemptyset(&act.sa_mask);
    sigaction(sig, &act, NULL);
}

static void stack_install(void)
{
    stack_t now;
    if (SANITIZED || (sigaltstack(NULL, &now) == 0 && !(now.ss_flags & SS_DISABLE))) return;
    void *memory = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    sigaltstack(&(stack_t){.ss_sp = memory, .ss_size = STACK_BYTES}, NULL);
}

static void stack_uninstall(void)
{
    stack_t now;
    if (SANITIZED || sigaltstack(NULL, &now) < 0 || now.ss_flags & SS_DISABLE || now.ss_size != STACK_BYTES) return;
    sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
    munmap(now.ss_sp, now.ss_size);
}

static void handlers_set(bool on)
{
    for (size_t i = 0; i < sizeof(crash_signals) / sizeof(*crash_signals); i++) {
        int sig = crash_signals[i];
        if (SANITIZED && sig != SIGABRT) continue;
        if (on) handler_set(sig, on_crash_signal, SA_NODEFER);
        else signal(sig, SIG_DFL);
    }
}

void crash_install(const struct crash_options *options, bool handlers)
{
    void *frame;
    backtrace(&frame, 1); /* loads the unwinder now: in a handler that could not be done */
    atomic_store(&process_globals.crash, options);
    stack_install();
    handlers_set(handlers);
}

void crash_uninstall(void)
{
    watchdog_kick(0);
    handlers_set(false);
    stack_uninstall();
    atomic_store(&process_globals.crash, NULL);
}

/* ------------------------------------------------------------------------------------------------------- assertions */

/* Prints the report around `text`. Returns where there is nobody to report to, or when the report itself failed. */
static void report_failure(const char *heading, const char *text, const char *file, int line)
{
    const struct crash_options *options = atomic_load(&process_globals.crash);
    if (!options || report_begin() > 1) return;
    int fd = log_open(options->log), pid = (int)getpid(), role = options->log->role;
    report_start(fd);
    const char *slash = strrchr(file, '/');
    crash_print(fd, "%d:%c # === %s ===\n", pid, role, heading);
    crash_print(fd, "%d:%c # ==> %s:%d %s\n", pid, role, slash ? slash + 1 : file, line, text);
    print_stack(fd, NULL);
    if (options->sections) options->sections(options->arg, fd);
    report_end(options, fd);
    die_by(SIGABRT);
}

void crash_assert_failed(const char *expr, const char *file, int line)
{
    char text[512];
    snprintf(text, sizeof(text), "'%s' is not true", expr);
    report_failure("ASSERTION FAILED", text, file, line);
    crash_print(STDERR_FILENO, "%s:%d: assertion '%s' failed\n", file, line, expr);
    die_by(SIGABRT);
}

void crash_panic(const char *file, int line, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    report_failure("Guru Meditation", text, file, line);
    crash_print(STDERR_FILENO, "%s:%d: %s\n", file, line, text);
    die_by(SIGABRT);
}

/* Takes the place of the C library's. */
void __assert_fail(const char *assertion, const char *file, unsigned int line, const char *function)
{
    (void)function;
    crash_assert_failed(assertion, file, (int)line);
}

/* -------------------------------------------------------------------------------------------------------- watchdog */

static void on_watchdog(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)info;
    const struct crash_options *options = atomic_load(&process_globals.crash);
    if (!options) return;
    int saved_errno = errno, fd = log_open(options->log);
    crash_print(fd, "%d:signal-handler (%ld) \n--- WATCHDOG TIMER EXPIRED ---\n", (int)getpid(), (long)time(NULL));
    print_stack(fd, crash_program_counter(context));
    crash_print(fd, "%d:signal-handler (%ld) --------\n", (int)getpid(), (long)time(NULL));
    log_close(options->log, fd);
    errno = saved_errno;
}

void watchdog_kick(int period_ms)
{
    struct itimerval timer = {.it_value = {period_ms / 1000, period_ms % 1000 * 1000}};
    if (period_ms > 0) handler_set(SIGALRM, on_watchdog, SA_RESTART);
    setitimer(ITIMER_REAL, &timer, NULL);
    if (period_ms == 0) signal(SIGALRM, SIG_DFL);
}
