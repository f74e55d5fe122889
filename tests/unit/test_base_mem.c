/* Memory: sizes at the edges, accounting across threads and forks, death when memory is out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/blob.h"
#include "base/mem.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The sanitizers' allocators abort on sizes that can't be had, unless told to return NULL. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void test_sizes(void **state)
{
    (void)state;
    void *none = mem_alloc(0), *other = mem_alloc(0);
    assert_non_null(none);
    assert_ptr_not_equal(none, other);
    mem_free(none);
    mem_free_sized(other, 0);
    mem_free(NULL);
    mem_free_sized(NULL, 10);
    assert_int_equal(mem_usable(NULL), 0);
    for (size_t size = 1; size < 100000; size = size * 3 / 2 + 1) {
        size_t good = mem_good_size(size);
        assert_true(good >= size);
        char *p = mem_alloc(good);
        assert_int_equal(mem_usable(p), good);
        memset(p, 1, good);
        p = mem_realloc(p, good * 2);
        assert_int_equal(p[good - 1], 1);
        mem_free_sized(p, good * 2);
        char *zero = mem_zalloc(size);
        for (size_t i = 0; i < size; i++) assert_int_equal(zero[i], 0);
        mem_free_sized(zero, size);
    }
    for (size_t align = 1; align <= 4096; align *= 2) {
        void *p = mem_alloc_aligned(align, 100);
        assert_int_equal((uintptr_t)p % align, 0);
        mem_free(p);
    }
}

static void test_copies(void **state)
{
    (void)state;
    char *text = mem_strdup("hello"), *bytes = mem_dup("a\0b", 3), *empty = mem_dup(NULL, 0);
    assert_string_equal(text, "hello");
    assert_memory_equal(bytes, "a\0b", 4);
    assert_string_equal(empty, "");
    mem_free(text);
    mem_free(bytes);
    mem_free(empty);
}

static void test_impossible_sizes(void **state)
{
    (void)state;
    volatile size_t huge = SIZE_MAX / 2;
    assert_null(mem_try_alloc(huge));
    char *p = mem_alloc(10);
    memcpy(p, "123456789", 10);
    assert_null(mem_try_realloc(p, huge));
    assert_string_equal(p, "123456789");
    mem_free(p);
    assert_true(mem_good_size(SIZE_MAX) >= SIZE_MAX - 1);
}

static void test_death(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        volatile size_t huge = SIZE_MAX / 2;
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        void *p = mem_alloc(huge);
        _exit(p == NULL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void test_accounting(void **state)
{
    (void)state;
    mem_thread_init();
    mem_thread_init();
    size_t before = mem_used();
    char *p = mem_alloc(1 << 20);
    assert_in_range(mem_used() - before, 1 << 20, (1 << 20) + (1 << 18));
    p = mem_realloc(p, 3 << 20);
    assert_in_range(mem_used() - before, 3 << 20, (3 << 20) + (1 << 20));
    mem_free(p);
    assert_int_equal(mem_used(), before);
}

enum { BLOCK = 1 << 20, BLOCKS = 8 };

static void *allocating_thread(void *arg)
{
    void **blocks = arg;
    mem_thread_init();
    for (int i = 0; i < BLOCKS; i++) blocks[i] = mem_alloc(BLOCK);
    mem_thread_exit();
    return NULL;
}

/* What a thread leaves behind is still counted, and so is its release by another. */
static void test_accounting_of_threads(void **state)
{
    (void)state;
    void *blocks[BLOCKS];
    mem_thread_init();
    size_t before = mem_used();
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, allocating_thread, blocks), 0);
    pthread_join(thread, NULL);
    assert_in_range(mem_used() - before, BLOCKS * BLOCK, BLOCKS * BLOCK + BLOCK);
    for (int i = 0; i < BLOCKS; i++) mem_free(blocks[i]);
    assert_true(mem_used() < before + BLOCK);
}

static void *waiting_thread(void *arg)
{
    int *pipe_fds = arg;
    char byte;
    mem_thread_init();
    void *p = mem_alloc(BLOCK);
    if (write(pipe_fds[3], "r", 1) != 1 || read(pipe_fds[0], &byte, 1) != 1) abort();
    mem_free(p);
    mem_thread_exit();
    return NULL;
}

/* In the child of a fork the other threads are gone and what they held stays counted. */
static void test_accounting_after_fork(void **state)
{
    (void)state;
    int fds[4];
    char byte;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(pipe(fds + 2), 0);
    mem_thread_init();
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, waiting_thread, fds), 0);
    assert_int_equal(read(fds[2], &byte, 1), 1);
    size_t before = mem_used();
    pid_t child = fork();
    if (child == 0) {
        size_t used = mem_used();
        mem_thread_init();
        _exit(!(used >= before && used < before + BLOCK / 2));
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(write(fds[1], "g", 1), 1);
    pthread_join(thread, NULL);
    for (int i = 0; i < 4; i++) close(fds[i]);
}

static void count_text(void *arg, const char *text)
{
    *(size_t *)arg += strlen(text);
}

static void test_reports(void **state)
{
    (void)state;
    mem_thread_init();
    void *p = mem_alloc(1 << 20);
    struct mem_stats stats;
    mem_stats_read(&stats);
    assert_true(stats.allocated >= 1 << 20);
    mem_purge();
    assert_true(strlen(mem_allocator_name()) > 0);
    size_t len = 0;
    mem_stats_text(count_text, &len);
    assert_true(len > 0);
    mem_free(p);
}

static void test_blob(void **state)
{
    (void)state;
    struct blob *b = blob_new(3, 10);
    memcpy(blob_bytes_mut(b), "abc", 3);
    assert_true(slice_eq(blob_slice(b), SLICE("abc")));
    assert_int_equal(blob_cap(b), 10);
    assert_true(blob_mem(b) >= 10);
    blob_set_len(b, 10);
    b = blob_try_resize(b, 100000);
    assert_non_null(b);
    assert_int_equal(blob_cap(b), 100000);
    assert_memory_equal(blob_slice(b).ptr, "abc", 3);
    blob_set_len(b, 2);
    volatile size_t huge = SIZE_MAX - 1;
    assert_null(blob_try_resize(b, huge));
    b = blob_try_resize(b, 2);
    assert_non_null(b);
    assert_true(slice_eq(blob_slice(b), SLICE("ab")));
    assert_false(blob_shared(b));
    assert_ptr_equal(blob_ref(b), b);
    assert_true(blob_shared(b));
    blob_unref(b);
    assert_false(blob_shared(b));
    blob_unref(b);
    blob_unref(NULL);
    assert_null(blob_try_new(0, huge));
    blob_unref(blob_new(0, 0));
}

static void *unref_thread(void *arg)
{
    for (int i = 0; i < 10000; i++) {
        blob_ref(arg);
        blob_unref(arg);
    }
    blob_unref(arg);
    return NULL;
}

static void test_blob_threads(void **state)
{
    (void)state;
    struct blob *b = blob_new(100, 100);
    memset(blob_bytes_mut(b), 'x', 100);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&threads[i], NULL, unref_thread, blob_ref(b)), 0);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    assert_false(blob_shared(b));
    blob_unref(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_impossible_sizes),
        cmocka_unit_test(test_death),
        cmocka_unit_test(test_accounting),
        cmocka_unit_test(test_accounting_of_threads),
        cmocka_unit_test(test_accounting_after_fork),
        cmocka_unit_test(test_reports),
        cmocka_unit_test(test_blob),
        cmocka_unit_test(test_blob_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
