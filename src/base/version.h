/* Versions that the server tells. CAIRN_VERSION, CAIRN_GIT_SHA1 and CAIRN_GIT_DIRTY come from the build for the files
 * that use them. */
#ifndef CAIRN_BASE_VERSION_H
#define CAIRN_BASE_VERSION_H

/* The Redis version whose behaviour clients may expect: they gate features on it. */
#define CAIRN_REDIS_VERSION "7.4.0"
#define CAIRN_REDIS_VERSION_NUMBER 0x00070400

#ifndef CAIRN_VERSION
#define CAIRN_VERSION "unknown"
#endif
#ifndef CAIRN_GIT_SHA1
#define CAIRN_GIT_SHA1 "00000000"
#endif
#ifndef CAIRN_GIT_DIRTY
#define CAIRN_GIT_DIRTY "0"
#endif

#endif
