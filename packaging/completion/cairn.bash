# bash completion for cairn-server: file names, and --settings with the values that are known.
# Names and values are those of the configuration file (cairn.conf(5)).

_cairn_settings='
acl-pubsub-default aclfile acllog-max-len active-defrag-cycle-max active-defrag-cycle-min
active-defrag-ignore-bytes active-defrag-max-scan-fields active-defrag-threshold-lower
active-defrag-threshold-upper active-expire-effort activedefrag activerehashing always-show-logo
aof-disable-auto-gc aof-load-truncated aof-rewrite-cpulist aof-rewrite-incremental-fsync aof-timestamp-enabled
aof-use-rdb-preamble appenddirname appendfilename appendfsync appendonly auto-aof-rewrite-min-size
auto-aof-rewrite-percentage bgsave-cpulist bind bind-source-addr bio-cpulist busy-reply-threshold
client-output-buffer-limit client-query-buffer-limit cluster-allow-pubsubshard-when-down
cluster-allow-reads-when-down cluster-allow-replica-migration cluster-announce-bus-port
cluster-announce-hostname cluster-announce-ip cluster-announce-port cluster-announce-tls-port
cluster-config-file cluster-enabled cluster-link-sendbuf-limit cluster-migration-barrier cluster-node-timeout
cluster-port cluster-preferred-endpoint-type cluster-replica-no-failover cluster-replica-validity-factor
cluster-require-full-coverage crash-log-enabled crash-memcheck-enabled daemonize databases dbfilename dir
disable-thp dynamic-hz enable-debug-command enable-module-command enable-protected-configs
hash-max-listpack-entries hash-max-listpack-value hll-sparse-max-bytes hz ignore-warnings include io-threads
io-threads-do-reads jemalloc-bg-thread key-load-delay latency-monitor-threshold latency-tracking
latency-tracking-info-percentiles lazyfree-lazy-eviction lazyfree-lazy-expire lazyfree-lazy-server-del
lazyfree-lazy-user-del lazyfree-lazy-user-flush lfu-decay-time lfu-log-factor list-compress-depth
list-max-listpack-size list-max-ziplist-entries list-max-ziplist-value loading-process-events-interval-bytes
loadmodule logfile loglevel lua-replicate-commands masterauth masteruser maxclients maxmemory maxmemory-clients
maxmemory-eviction-tenacity maxmemory-policy maxmemory-samples min-replicas-max-lag min-replicas-to-write
no-appendfsync-on-rewrite notify-keyspace-events oom-score-adj oom-score-adj-values pidfile port
proc-title-template propagation-error-behavior protected-mode proto-max-bulk-len rdb-del-sync-files
rdb-key-save-delay rdb-save-incremental-fsync rdbchecksum rdbcompression rename-command repl-backlog-size
repl-backlog-ttl repl-disable-tcp-nodelay repl-diskless-load repl-diskless-sync repl-diskless-sync-delay
repl-diskless-sync-max-replicas repl-ping-replica-period repl-timeout replica-announce-ip replica-announce-port
replica-announced replica-ignore-disk-write-errors replica-ignore-maxmemory replica-lazy-flush replica-priority
replica-read-only replica-serve-stale-data replicaof requirepass sanitize-dump-payload save server-cpulist
set-max-intset-entries set-proc-title shutdown-on-sigint shutdown-on-sigterm shutdown-timeout
slowlog-log-slower-than slowlog-max-len socket-mark-id stop-writes-on-bgsave-error stream-node-max-bytes
stream-node-max-entries supervised syslog-enabled syslog-facility syslog-ident tcp-backlog tcp-keepalive timeout
tls-auth-clients tls-ca-cert-dir tls-ca-cert-file tls-cert-file tls-ciphers tls-ciphersuites
tls-client-cert-file tls-client-key-file tls-client-key-file-pass tls-cluster tls-dh-params-file tls-key-file
tls-key-file-pass tls-port tls-prefer-server-ciphers tls-protocols tls-replication tls-session-cache-size
tls-session-cache-timeout tls-session-caching tracking-table-max-keys unixsocket unixsocketperm user
zset-max-listpack-entries zset-max-listpack-value
'

_cairn_server()
{
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
    COMPREPLY=()
    case $current in
    -*)
        local names=
        for name in $_cairn_settings; do names+=" --$name"; done
        mapfile -t COMPREPLY < <(compgen -W "$names --help --version -" -- "$current")
        return;;
    esac
    case $previous in
    --loglevel) mapfile -t COMPREPLY < <(compgen -W 'debug verbose notice warning' -- "$current");;
    --supervised) mapfile -t COMPREPLY < <(compgen -W 'no auto systemd upstart' -- "$current");;
    --maxmemory-policy)
        mapfile -t COMPREPLY < <(compgen -W 'noeviction allkeys-lru allkeys-lfu allkeys-random volatile-lru
            volatile-lfu volatile-random volatile-ttl' -- "$current");;
    --appendfsync) mapfile -t COMPREPLY < <(compgen -W 'always everysec no' -- "$current");;
    --enable-debug-command | --enable-module-command | --enable-protected-configs)
        mapfile -t COMPREPLY < <(compgen -W 'no local yes' -- "$current");;
    --daemonize | --protected-mode | --appendonly | --syslog-enabled | --lazyfree-*)
        mapfile -t COMPREPLY < <(compgen -W 'yes no' -- "$current");;
    --dir) mapfile -t COMPREPLY < <(compgen -d -- "$current");;
    *) mapfile -t COMPREPLY < <(compgen -f -- "$current");;
    esac
}
complete -o filenames -F _cairn_server cairn-server

_cairn_check()
{
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} options='--stats --help --version'
    COMPREPLY=()
    case ${COMP_WORDS[0]##*/} in *check-aof) options='--fix --yes --truncate-to-timestamp --help --version';; esac
    case $previous in
    --truncate-to-timestamp) return;;
    esac
    case $current in
    -*) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current");;
    *) mapfile -t COMPREPLY < <(compgen -f -- "$current");;
    esac
}
complete -o filenames -F _cairn_check cairn-check-rdb cairn-check-aof
