/* An intrusive doubly linked ring: the link lives in the element, the head is a link of its own. All O(1). */
#ifndef CAIRN_BASE_LIST_H
#define CAIRN_BASE_LIST_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

struct list_link {
    struct list_link *prev, *next;
};

static inline void list_init(struct list_link *head)
{
    head->prev = head->next = head;
}
static inline bool list_empty(const struct list_link *head)
{
    return head->next == head;
}
static inline bool list_linked(const struct list_link *link) /* link was list_init'ed or zeroed */
{
    return link->next != NULL && link->next != link;
}
static inline void list_push_back(struct list_link *head, struct list_link *link)
{
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}
static inline void list_push_front(struct list_link *head, struct list_link *link)
{
    list_push_back(head->next, link);
}
static inline void list_remove(struct list_link *link) /* link may be pushed again */
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->prev = link->next = link;
}

#define list_entry(link, type, member) container_of(link, type, member)
#define list_for(pos, head) for (struct list_link *pos = (head)->next; pos != (head); pos = pos->next)
/* pos may be removed inside the loop */
#define list_for_safe(pos, head)                                                                       \
    for (struct list_link *pos = (head)->next, *pos##_next = pos->next; pos != (head);                 \
         pos = pos##_next, pos##_next = pos->next)

#endif
