/* Stands in for the io_uring backend where liburing is not installed. */
#include "sys/loop_impl.h"

#include <errno.h>

struct loop *loop_uring_new(int wake_fd)
{
    (void)wake_fd;
    errno = ENOSYS;
    return NULL;
}
