/* Background threads: order within a kind, independence between kinds, draining, ending. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "sys/background.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

enum { JOBS = 5000 };

struct log {
    int order[JOBS];
    int count;
};

struct entry {
    struct log *log;
    int value;
};

static void append(void *arg)
{
    struct entry *e = arg;
    e->log->order[e->log->count++] = e->value;
}

static void test_order(void **state)
{
    (void)state;
    struct background *bg = bg_new(NULL);
    static struct log log;
    static struct entry entries[JOBS];
    for (int i = 0; i < JOBS; i++) {
        entries[i] = (struct entry){&log, i};
        bg_submit(bg, BG_LAZY_FREE, append, &entries[i]);
    }
    bg_drain(bg, BG_LAZY_FREE);
    assert_int_equal(bg_pending(bg, BG_LAZY_FREE), 0);
    assert_int_equal(log.count, JOBS);
    for (int i = 0; i < JOBS; i++) assert_int_equal(log.order[i], i);
    bg_drain(bg, BG_FSYNC); /* nothing there */
    bg_free(bg);
    bg_free(NULL);
}

struct gate {
    pthread_mutex_t lock;
    atomic_int passed;
};

static void wait_at_gate(void *arg)
{
    struct gate *g = arg;
    pthread_mutex_lock(&g->lock);
    pthread_mutex_unlock(&g->lock);
    atomic_fetch_add(&g->passed, 1);
}

static void pass(void *arg)
{
    struct gate *g = arg;
    atomic_fetch_add(&g->passed, 100);
}

static void test_kinds_do_not_wait_for_each_other(void **state)
{
    (void)state;
    struct background *bg = bg_new("0-1023");
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, 0};
    pthread_mutex_lock(&gate.lock);
    bg_submit(bg, BG_FSYNC, wait_at_gate, &gate);
    bg_submit(bg, BG_FSYNC, wait_at_gate, &gate);
    bg_submit(bg, BG_CLOSE_FILE, pass, &gate);
    bg_drain(bg, BG_CLOSE_FILE);
    assert_int_equal(atomic_load(&gate.passed), 100);
    assert_int_equal(bg_pending(bg, BG_FSYNC), 2);
    pthread_mutex_unlock(&gate.lock);
    bg_drain(bg, BG_FSYNC);
    assert_int_equal(atomic_load(&gate.passed), 102);
    bg_free(bg);
}

static void free_it(void *arg)
{
    mem_free(arg);
}

/* Ending runs what is queued; memory crosses threads. */
static void test_free_runs_the_rest(void **state)
{
    (void)state;
    size_t before = mem_used();
    struct background *bg = bg_new(NULL);
    for (int i = 0; i < JOBS; i++) {
        char *memory = mem_alloc(100);
        memset(memory, i, 100);
        bg_submit(bg, BG_LAZY_FREE, free_it, memory);
    }
    bg_free(bg);
    assert_true(mem_used() < before + 100 * 1024);
}

struct identity {
    char name[32];
    sigset_t blocked;
};

static void identify(void *arg)
{
    struct identity *id = arg;
    pthread_getname_np(pthread_self(), id->name, sizeof(id->name));
    pthread_sigmask(SIG_SETMASK, NULL, &id->blocked);
}

static void test_threads(void **state)
{
    (void)state;
    struct background *bg = bg_new("");
    static const char *const names[] = {"cairn_close", "cairn_fsync", "cairn_lazy_free"};
    for (int kind = 0; kind < BG_KINDS; kind++) {
        struct identity id;
        bg_submit(bg, (enum bg_kind)kind, identify, &id);
        bg_drain(bg, (enum bg_kind)kind);
        assert_string_equal(id.name, names[kind]);
        assert_true(sigismember(&id.blocked, SIGTERM));
        assert_true(sigismember(&id.blocked, SIGALRM));
        assert_false(sigismember(&id.blocked, SIGSEGV));
    }
    bg_free(bg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_kinds_do_not_wait_for_each_other),
        cmocka_unit_test(test_free_runs_the_rest),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
