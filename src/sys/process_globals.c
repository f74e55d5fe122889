/* The only writable file-scope object of sys/. */
#include "sys/process_globals.h"

struct process_globals process_globals;
