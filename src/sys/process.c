/* The process and the machine below it. Reads /proc and /sys by hand; what is missing there gives the answer that
 * changes nothing. */
#include "sys/process.h"

#include "base/clock.h"
#include "base/mem.h"
#include "sys/process_globals.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

/* A small file as text; false when it cannot be read. */
static bool read_text(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n = read(fd, out, size - 1);
    close(fd);
    if (n < 0) return false;
    out[n] = '\0';
    return true;
}

static bool write_text(const char *path, int flags, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0644);
    if (fd < 0) return false;
    ssize_t n = write(fd, text, strlen(text));
    int err = errno;
    close(fd);
    errno = err;
    return n == (ssize_t)strlen(text);
}

/* ------------------------------------------------------------------------------------------- daemon, pidfile, title */

bool process_daemonize(void)
{
    pid_t pid = fork();
    if (pid < 0) return false;
    if (pid > 0) _exit(0); /* nothing of the parent's may be flushed twice */
    setsid();
    int fd = open("/dev/null", O_RDWR);
    if (fd < 0) return false;
    for (int std = STDIN_FILENO; std <= STDERR_FILENO; std++) dup2(fd, std);
    if (fd > STDERR_FILENO) close(fd);
    return true;
}

bool pidfile_write(const char *path)
{
    char text[32];
    snprintf(text, sizeof(text), "%d\n", (int)getpid());
    return write_text(path, O_CREAT | O_TRUNC, text);
}

void pidfile_remove(const char *path)
{
    unlink(path);
}

/* The kernel lays argv's strings and then environ's one behind the other; the run that is unbroken from argv[0] on
 * becomes the title. */
void process_title_init(int argc, char **argv)
{
    if (argc < 1 || process_globals.title) return;
    char *end = argv[0];
    for (int i = 0; i < argc; i++)
        if (argv[i] == end) end += strlen(end) + 1;
    int env_count = 0;
    while (environ[env_count]) env_count++;
    char **env = mem_alloc(((size_t)env_count + 1) * sizeof(*env));
    for (int i = 0; i < env_count; i++) {
        if (environ[i] == end) end += strlen(end) + 1;
        env[i] = mem_strdup(environ[i]);
    }
    env[env_count] = NULL;
    char *area = argv[0];
    for (int i = 0; i < argc; i++) argv[i] = mem_strdup(argv[i]);
    environ = env;
    process_globals.environment = env; /* kept when setenv moves environ again */
    process_globals.title = area;
    process_globals.title_size = (size_t)(end - area);
}

void process_title_set(const char *title)
{
    char *area = process_globals.title;
    size_t size = process_globals.title_size;
    if (!area || size < 2) return;
    size_t len = strlen(title);
    if (len > size - 1) len = size - 1;
    memcpy(area, title, len);
    memset(area + len, 0, size - len);
}

/* -------------------------------------------------------------------------------------------------- limits, tuning */

uint64_t process_raise_open_files(uint64_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return 1024;
    if (limit.rlim_cur >= wanted) return limit.rlim_cur;
    /* Above the hard limit only the privileged get: try that, then the hard limit itself. */
    struct rlimit more = {wanted, limit.rlim_max > wanted ? limit.rlim_max : wanted};
    if (setrlimit(RLIMIT_NOFILE, &more) == 0) return wanted;
    more = (struct rlimit){limit.rlim_max, limit.rlim_max};
    return setrlimit(RLIMIT_NOFILE, &more) == 0 ? limit.rlim_max : limit.rlim_cur;
}

bool process_disable_thp(void)
{
    return prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0;
}

bool process_thp_is_always(void)
{
    char text[128];
    return read_text("/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof(text)) && strstr(text, "[always]");
}

bool process_overcommit_is_enabled(void)
{
    char text[32];
    return read_text("/proc/sys/vm/overcommit_memory", text, sizeof(text)) && atoi(text) == 1;
}

int process_somaxconn(void)
{
    char text[32];
    return read_text("/proc/sys/net/core/somaxconn", text, sizeof(text)) ? atoi(text) : -1;
}

bool process_oom_score_adj_read(int *out)
{
    char text[32];
    if (!read_text("/proc/self/oom_score_adj", text, sizeof(text))) return false;
    *out = atoi(text);
    return true;
}

bool process_oom_score_adj_write(int value)
{
    char text[32];
    snprintf(text, sizeof(text), "%d\n", value);
    return write_text("/proc/self/oom_score_adj", 0, text);
}

/* A decimal number below CPU_SETSIZE; false when there is none. */
static bool cpu_number(const char **at, int *out)
{
    if (**at < '0' || **at > '9') return false;
    int n = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        n = n * 10 + (**at - '0');
        if (n >= CPU_SETSIZE) return false;
    }
    *out = n;
    return true;
}

static bool cpu_list_parse(const char *at, cpu_set_t *set)
{
    CPU_ZERO(set);
    for (;;) {
        int first, last, step = 1;
        while (*at == ' ') at++;
        if (!cpu_number(&at, &first)) return false;
        last = first;
        if (*at == '-' && (at++, !cpu_number(&at, &last))) return false;
        if (*at == ':' && (at++, !cpu_number(&at, &step) || step == 0)) return false;
        if (last < first) return false;
        for (int cpu = first; cpu <= last; cpu += step) CPU_SET(cpu, set);
        while (*at == ' ') at++;
        if (*at == '\0') return true;
        if (*at++ != ',') return false;
    }
}

bool process_cpu_list_is_valid(const char *list)
{
    cpu_set_t set;
    return cpu_list_parse(list, &set);
}

bool process_set_affinity(const char *list)
{
    cpu_set_t set;
    if (!cpu_list_parse(list, &set)) {
        errno = EINVAL;
        return false;
    }
    return sched_setaffinity(0, sizeof(set), &set) == 0;
}

/* ---------------------------------------------------------------------------------------------------- measurements */

uint64_t process_total_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;
}

uint64_t process_rss(void)
{
    char text[128];
    unsigned long long total, resident;
    if (!read_text("/proc/self/statm", text, sizeof(text))) return 0;
    if (sscanf(text, "%llu %llu", &total, &resident) != 2) return 0;
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t process_private_dirty(void)
{
    /* The roll-up is one record for all mappings; kernels without it have the long file. */
    FILE *file = fopen("/proc/self/smaps_rollup", "re");
    if (!file) file = fopen("/proc/self/smaps", "re");
    if (!file) return 0;
    char line[512];
    uint64_t sum_kb = 0;
    unsigned long long kb;
    while (fgets(line, sizeof(line), file))
        if (sscanf(line, "Private_Dirty: %llu", &kb) == 1) sum_kb += kb;
    fclose(file);
    return sum_kb * 1024;
}

static double seconds(struct timeval tv)
{
    return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

void process_times_read(struct process_times *out)
{
    struct rusage self, children, thread;
    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    getrusage(RUSAGE_THREAD, &thread);
    *out = (struct process_times){
        .user_s = seconds(self.ru_utime),
        .system_s = seconds(self.ru_stime),
        .children_user_s = seconds(children.ru_utime),
        .children_system_s = seconds(children.ru_stime),
        .thread_user_s = seconds(thread.ru_utime),
        .thread_system_s = seconds(thread.ru_stime),
    };
}

/* ----------------------------------------------------------------------------------------- children, service
 * manager */

pid_t process_fork(uint64_t *fork_us)
{
    /* Signals wait meanwhile: the parent's handlers must not swallow what is meant for the child. */
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    uint64_t start = clock_mono_us();
    pid_t pid = fork();
    int err = errno;
    if (pid == 0) {
        signal(SIGTERM, SIG_DFL);
        signal(SIGUSR1, SIG_DFL);
        signal(SIGINT, SIG_IGN);
    } else {
        *fork_us = clock_mono_us() - start;
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = err;
    return pid;
}

bool process_under_systemd(void)
{
    return getenv("NOTIFY_SOCKET") != NULL;
}

bool process_under_upstart(void)
{
    return getenv("UPSTART_JOB") != NULL;
}

/* The protocol of sd_notify(3): one datagram to the socket that NOTIFY_SOCKET names, '@' for an abstract address. */
bool process_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    if (len < 2 || len >= sizeof(addr.sun_path) || (path[0] != '/' && path[0] != '@')) return false;
    memcpy(addr.sun_path, path, len);
    if (path[0] == '@') addr.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    socklen_t addr_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    ssize_t n = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&addr, addr_len);
    bool ok = n == (ssize_t)strlen(state);
    close(fd);
    return ok;
}

void process_executable(const char *argv0, struct buf *out)
{
    char path[4096];
    ssize_t len = -1;
    if (strchr(argv0, '/')) {
        /* As it was called: a symbolic link keeps its name. */
        if (argv0[0] != '/' && getcwd(path, sizeof(path))) buf_appendf(out, "%s/", path);
        buf_append(out, argv0, strlen(argv0));
        return;
    }
    len = readlink("/proc/self/exe", path, sizeof(path));
    if (len > 0) buf_append(out, path, (size_t)len);
    else buf_append(out, argv0, strlen(argv0));
}

void process_uname(struct buf *out)
{
    struct utsname name;
    if (uname(&name) == 0) buf_appendf(out, "%s %s %s", name.sysname, name.release, name.machine);
}
