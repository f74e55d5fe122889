/* A whole engine in the test's process: commands go in as text, replies and the log of effects come out as text. Time
 * stands still until the test moves it. Every fixture is an engine of its own. */
#ifndef CAIRN_TESTS_ENGINE_FIXTURE_H
#define CAIRN_TESTS_ENGINE_FIXTURE_H

#include "base/buf.h"
#include "base/log.h"
#include "engine/effects.h"
#include "engine/engine.h"
#include "engine/session.h"

#include <stdbool.h>
#include <stdint.h>

struct feature;

struct fixture_client {
    struct session *session;
    struct reply reply;
};

struct fixture {
    struct engine *engine;
    struct config *config;
    struct logger log; /* says nothing */
    uint64_t now_ms;
    struct fixture_client client;
    struct effect_sink sink;
    uint64_t logged;      /* bytes that the sink got */
    struct buf wire;      /* those that nobody has asked for yet */
    struct buf text;      /* of the last reply or log that was asked for */
};

enum { FIXTURE_START_MS = 1000000000 };

void fixture_init(struct fixture *fx, const struct feature *const *features, int feature_count);
void fixture_deinit(struct fixture *fx);
void fixture_client_open(struct fixture *fx, struct fixture_client *c);
void fixture_client_close(struct fixture_client *c);
void fixture_sleep_ms(struct fixture *fx, uint64_t ms); /* moves the clock; nothing else happens */
void fixture_config(struct fixture *fx, const char *name, const char *value);

/* Runs one command; arguments as in an inline command. The reply in one line: "OK", "(error) ERR ...", 1, "text", nil,
 * [a, b], {k: v}. Valid until the next call. */
const char *fixture_run(struct fixture *fx, const char *line);
const char *fixture_run_as(struct fixture *fx, struct fixture_client *c, const char *line);
const char *fixture_run_argv(struct fixture *fx, struct fixture_client *c, int argc, const struct slice *argv);
/* What a client was sent since its last command, by what others did; "" when nothing. */
const char *fixture_replies(struct fixture *fx, struct fixture_client *c);
/* The log since the last call, one line: "SELECT 0; MULTI; set a 1; EXEC". */
const char *fixture_log(struct fixture *fx);

#endif
