/* Background threads. A queue is a linked list under a mutex: jobs are rare (a file, a large value), so nothing finer
 * pays. Invariant: pending counts the jobs that are linked or running; it falls, under the lock, only after fn has
 * returned. */
#include "sys/background.h"

#include "sys/process.h"

#include "base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

/* destructors of nested values are flat; the default of 8 MB only looks bad */
enum { THREAD_STACK_BYTES = 1024 * 1024 };

struct job {
    struct job *next;
    void (*fn)(void *arg);
    void *arg;
};

struct worker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t submitted, drained;
    struct job *first, **last;
    atomic_size_t pending;
    bool stop;
    bool yields; /* to whoever serves clients, where there are fewer cores than threads at work */
    const char *name;
    char *cpu_list;
};
enum { LAZY_NICE = 10 };

struct background {
    struct worker workers[BG_KINDS];
};

static const char *const thread_names[BG_KINDS] = {"cairn_close", "cairn_fsync", "cairn_lazy_free"};

/* The oldest job, or NULL when the worker shall stop and nothing is queued. Called and left with the lock held. */
static struct job *next_job(struct worker *w)
{
    while (!w->first && !w->stop) pthread_cond_wait(&w->submitted, &w->lock);
    struct job *job = w->first;
    if (job && !(w->first = job->next)) w->last = &w->first;
    return job;
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    pthread_setname_np(pthread_self(), w->name);
    if (w->cpu_list) (void)process_set_affinity(w->cpu_list); /* else it runs anywhere */
    if (w->yields) (void)setpriority(PRIO_PROCESS, (id_t)gettid(), LAZY_NICE);
    mem_thread_init();
    pthread_mutex_lock(&w->lock);
    for (struct job *job; (job = next_job(w));) {
        pthread_mutex_unlock(&w->lock);
        job->fn(job->arg);
        mem_free_sized(job, sizeof(*job));
        pthread_mutex_lock(&w->lock);
        if (atomic_fetch_sub_explicit(&w->pending, 1, memory_order_release) == 1) pthread_cond_broadcast(&w->drained);
    }
    pthread_mutex_unlock(&w->lock);
    mem_thread_exit();
    return NULL;
}

static int worker_start(struct worker *w, const char *name, char *owned_cpu_list)
{
    w->name = name;
    w->cpu_list = owned_cpu_list;
    w->last = &w->first;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->submitted, NULL);
    pthread_cond_init(&w->drained, NULL);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);
    /* Signals are the main thread's, but for those of a crash: blocked, they would kill without a report. */
    static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    sigset_t blocked, before;
    sigfillset(&blocked);
    for (size_t i = 0; i < ARRAY_LEN(crash_signals); i++) sigdelset(&blocked, crash_signals[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int err = pthread_create(&w->thread, &attr, worker_main, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return err;
}

static void worker_deinit(struct worker *w)
{
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->submitted);
    pthread_cond_destroy(&w->drained);
    mem_free(w->cpu_list);
}

static void worker_stop(struct worker *w)
{
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->submitted);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    worker_deinit(w);
}

struct background *bg_new(const char *cpu_list)
{
    struct background *bg = mem_zalloc(sizeof(*bg));
    for (int kind = 0; kind < BG_KINDS; kind++) {
        struct worker *w = &bg->workers[kind];
        w->yields = kind == BG_LAZY_FREE;
        int err = worker_start(w, thread_names[kind], cpu_list && *cpu_list ? mem_strdup(cpu_list) : NULL);
        if (err == 0) continue;
        worker_deinit(w);
        while (kind-- > 0) worker_stop(&bg->workers[kind]);
        mem_free(bg);
        errno = err;
        return NULL;
    }
    return bg;
}

void bg_free(struct background *owned_bg)
{
    if (!owned_bg) return;
    for (int kind = 0; kind < BG_KINDS; kind++) worker_stop(&owned_bg->workers[kind]);
    mem_free(owned_bg);
}

void bg_submit(struct background *bg, enum bg_kind kind, void (*fn)(void *arg), void *arg)
{
    struct worker *w = &bg->workers[kind];
    struct job *job = mem_alloc(sizeof(*job));
    *job = (struct job){NULL, fn, arg};
    pthread_mutex_lock(&w->lock);
    atomic_fetch_add_explicit(&w->pending, 1, memory_order_relaxed);
    *w->last = job;
    w->last = &job->next;
    pthread_cond_signal(&w->submitted);
    pthread_mutex_unlock(&w->lock);
}

size_t bg_pending(const struct background *bg, enum bg_kind kind)
{
    return atomic_load_explicit(&bg->workers[kind].pending, memory_order_acquire);
}

void bg_drain(struct background *bg, enum bg_kind kind)
{
    struct worker *w = &bg->workers[kind];
    pthread_mutex_lock(&w->lock);
    while (atomic_load_explicit(&w->pending, memory_order_acquire) > 0) pthread_cond_wait(&w->drained, &w->lock);
    pthread_mutex_unlock(&w->lock);
}
