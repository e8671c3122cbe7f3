/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scheduler's states and moves, common to all classes: a CPU's loop, block, wake, kick,
 * migration. Who of several runs next is a class's business (sched_fair.c).
 *
 * No wake-up is lost. An entity's state changes only under the lock of the queue that ->cpu names
 * (and ->cpu itself under the locks of both queues), so every wake happens before or after each of
 * these steps of a vCPU that halts, never in the middle of one:
 *   1. It runs. sched_block() looks, under the lock, at wake_pending and at arch_vcpu_has_work().
 *      A post before it is seen, because posting writes first and locks then.
 *   2. It is blocking, still SCHED_RUNNING, and its state is put away. A wake sets wake_pending; a
 *      notify has written what arch_vcpu_has_work() looks at.
 *   3. leave_locked() looks at both again, under the lock, and makes it blocked or runnable.
 *   4. It is blocked: wake and notify make it runnable and enqueue it.
 * A queue that becomes non-empty sets a work bit of its CPU before that is kicked. The CPU looks at
 * the bits after it has turned interrupts off for the last time before it idles or enters a guest,
 * so it sees the bit or is interrupted at once. The same holds for the kick of a running vCPU.
 */
#include "core/sched.h"

#include "core/arch.h"
#include "core/cpu.h"
#include "core/epoch.h"
#include "core/err.h"
#include "core/panic.h"
#include "core/vcpu.h"

#define NO_CPU UINT32_MAX

/* In the order in which they are asked for the next entity. */
static const struct sched_class *const classes[] = { &sched_fair };

/* CPUs that sleep, or are about to. Who places a vCPU on one takes its bit. */
static uint64_t idle_map[BITMAP_WORDS(SCHED_CPUS_MAX)];

static struct lock list_lock;
static struct list all = { &all, &all };

static struct sched_queue *queue_of(uint32_t cpu)
{
	return &cpu_get(cpu)->queue;
}

/* Locks the queue of entity and that of another CPU; the same one will do. */
static struct sched_queue *lock_entity_and(struct sched_entity *entity, struct sched_queue *other)
{
	for (;;) {
		uint32_t cpu = atomic_load(&entity->cpu);
		struct sched_queue *queue = queue_of(cpu);

		lock_acquire_pair(&queue->lock, other != NULL ? &other->lock : &queue->lock);
		if (atomic_load(&entity->cpu) == cpu) {
			return queue;
		}
		lock_release_pair(&queue->lock, other != NULL ? &other->lock : &queue->lock);
	}
}

static struct sched_queue *lock_entity(struct sched_entity *entity)
{
	return lock_entity_and(entity, NULL);
}

/* ---- placement ---- */

static bool claim_idle(uint32_t cpu)
{
	uint64_t bit = BIT(cpu % 64);

	return (atomic_load(&idle_map[cpu / 64]) & bit) != 0 &&
	       (atomic_and(&idle_map[cpu / 64], ~bit) & bit) != 0;
}

/* An idle CPU of the affinity, the last one first; or NO_CPU. Its idle bit is taken. */
static uint32_t find_idle(const struct sched_entity *entity)
{
	uint32_t last = atomic_load(&entity->cpu);

	if (bitmap_test(entity->affinity, last) && claim_idle(last)) {
		return last;
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(idle_map); i++) {
		uint64_t map = atomic_load(&idle_map[i]) & entity->affinity[i];

		for (; map != 0; map &= map - 1) {
			uint32_t cpu = i * 64 + bits_lowest(map);

			if (claim_idle(cpu)) {
				return cpu;
			}
		}
	}
	return NO_CPU;
}

static uint32_t place(const struct sched_entity *entity)
{
	uint32_t cpu = find_idle(entity);

	return cpu != NO_CPU ? cpu : atomic_load(&entity->cpu);
}

static void set_cpu_locked(struct sched_entity *entity, uint32_t cpu)
{
	if (entity->cpu != cpu) {
		entity->migrations++;
		atomic_store(&entity->cpu, cpu);
	}
}

/*
 * Makes it runnable on a CPU whose queue is locked; returns the work that the CPU is to be asked
 * for after the lock is given back. One that runs a vCPU and has others waiting has its slice timer
 * armed already.
 */
static uint64_t enqueue_locked(struct sched_entity *entity, uint32_t cpu)
{
	struct sched_queue *queue = queue_of(cpu);
	bool knows = queue->current != NULL && queue->fair_count > 0;

	set_cpu_locked(entity, cpu);
	entity->state = SCHED_RUNNABLE;
	entity->runnable_since = arch_time_now();
	entity->class->enqueue(queue, entity);
	return !knows || entity->class->wake(queue, entity) ? CPU_WORK_RESCHED : 0;
}

static void request(uint32_t cpu, uint64_t work)
{
	if (work != 0) {
		cpu_request(cpu_get(cpu), work);
	}
}

/* ---- what other CPUs ask for ---- */

static void slice_expired(struct timer *timer)
{
	(void)timer;
	cpu_request(arch_cpu_self(), CPU_WORK_RESCHED);
}

void sched_queue_init(struct sched_queue *queue)
{
	queue->lock = (struct lock)LOCK_INIT;
	list_init(&queue->fair);
	timer_init(&queue->slice, slice_expired);
}

void sched_add(struct vcpu *vcpu, uint32_t cpu)
{
	struct sched_entity *entity = &vcpu->sched;
	uint64_t any = 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(entity->affinity); i++) {
		any |= entity->affinity[i];
	}
	for (uint32_t i = 0; any == 0 && i < ARRAY_SIZE(entity->affinity); i++) {
		entity->affinity[i] = ~UINT64_C(0);
	}
	assert(bitmap_test(entity->affinity, cpu));
	entity->class = &sched_fair;
	entity->state = SCHED_BLOCKED;
	entity->cpu = cpu;
	entity->move_to = NO_CPU;
	list_init(&entity->link);
	lock_acquire(&list_lock);
	list_add_tail(&all, &entity->all);
	lock_release(&list_lock);
}

void sched_for_each(void (*fn)(struct vcpu *vcpu, void *context), void *context)
{
	lock_acquire(&list_lock);
	list_for_each(at, &all) {
		fn(vcpu_of(list_entry(at, struct sched_entity, all)), context);
	}
	lock_release(&list_lock);
}

/* Wakes a blocked or stopped entity; the wish has been checked without a lock: check again. */
static void wake_sleeper(struct sched_entity *entity, bool is_notify)
{
	uint32_t cpu = place(entity);
	struct sched_queue *target = queue_of(cpu);
	struct sched_queue *queue = lock_entity_and(entity, target);
	bool may = entity->state == SCHED_BLOCKED || (entity->state == SCHED_STOPPED && !is_notify);
	uint64_t work = may ? enqueue_locked(entity, cpu) : 0;

	lock_release_pair(&queue->lock, &target->lock);
	/* An idle CPU whose bit was taken in vain looks around and sets it again. */
	request(cpu, may ? work : CPU_WORK_RESCHED);
}

void sched_wake(struct vcpu *vcpu)
{
	struct sched_entity *entity = &vcpu->sched;
	struct sched_queue *queue = lock_entity(entity);
	bool sleeps = entity->state == SCHED_BLOCKED || entity->state == SCHED_STOPPED;

	if (entity->state == SCHED_RUNNING) {
		entity->wake_pending = true;
		entity->stopping = false;
	}
	lock_release(&queue->lock);
	if (sleeps) {
		wake_sleeper(entity, false);
	}
}

static void kick(uint32_t cpu)
{
	struct cpu *target = cpu_get(cpu);

	if (target != arch_cpu_self()) {
		arch_cpu_kick(target);
	}
}

void sched_kick(struct vcpu *vcpu)
{
	struct sched_entity *entity = &vcpu->sched;
	struct sched_queue *queue = lock_entity(entity);
	bool runs = entity->state == SCHED_RUNNING;
	uint32_t cpu = entity->cpu;

	lock_release(&queue->lock);
	if (runs) {
		kick(cpu);
	}
}

/* One that is blocking needs nothing: leave_locked() will see what was posted. */
void sched_notify(struct vcpu *vcpu)
{
	struct sched_entity *entity = &vcpu->sched;
	struct sched_queue *queue = lock_entity(entity);
	bool runs = entity->state == SCHED_RUNNING && !entity->blocking;
	bool wakes = entity->state == SCHED_BLOCKED && arch_vcpu_has_work(vcpu);
	uint32_t cpu = entity->cpu;

	lock_release(&queue->lock);
	if (runs) {
		kick(cpu);
	} else if (wakes) {
		wake_sleeper(entity, true);
	}
}

void sched_stop(struct vcpu *vcpu)
{
	struct sched_entity *entity = &vcpu->sched;
	struct sched_queue *queue = lock_entity(entity);
	bool runs = entity->state == SCHED_RUNNING;
	uint32_t cpu = entity->cpu;

	if (entity->state == SCHED_RUNNABLE) {
		entity->class->dequeue(queue, entity);
	}
	if (runs) {
		entity->stopping = true;
	} else {
		entity->state = SCHED_STOPPED;
	}
	lock_release(&queue->lock);
	request(cpu, runs ? CPU_WORK_RESCHED : 0);
}

static uint64_t migrate_locked(struct sched_entity *entity, uint32_t cpu)
{
	switch (entity->state) {
	case SCHED_RUNNING:
		entity->move_to = entity->cpu == cpu ? NO_CPU : cpu;
		return entity->cpu == cpu ? 0 : CPU_WORK_RESCHED;
	case SCHED_RUNNABLE:
		if (entity->cpu == cpu) {
			return 0;
		}
		entity->class->dequeue(queue_of(entity->cpu), entity);
		return enqueue_locked(entity, cpu);
	case SCHED_BLOCKED:
	case SCHED_STOPPED:
		set_cpu_locked(entity, cpu);
		break;
	}
	return 0;
}

int sched_migrate(struct vcpu *vcpu, uint32_t cpu)
{
	struct sched_entity *entity = &vcpu->sched;
	struct sched_queue *target, *queue;
	uint64_t work;
	bool runs;
	uint32_t from;

	if (cpu >= cpu_count() || !cpu_is_online(cpu_get(cpu))) {
		return -E_NODEV;
	}
	if (!bitmap_test(entity->affinity, cpu)) {
		return -E_PERM;
	}
	target = queue_of(cpu);
	queue = lock_entity_and(entity, target);
	from = entity->cpu;
	runs = entity->state == SCHED_RUNNING;
	work = migrate_locked(entity, cpu);
	lock_release_pair(&queue->lock, &target->lock);
	request(runs ? from : cpu, work);
	return 0;
}

/* ---- what the current vCPU asks for ---- */

bool sched_block(struct vcpu *vcpu)
{
	struct sched_entity *entity = &vcpu->sched;
	struct sched_queue *queue = lock_entity(entity);

	entity->blocking = !entity->wake_pending && !arch_vcpu_has_work(vcpu);
	entity->wake_pending = false;
	lock_release(&queue->lock);
	return entity->blocking;
}

void sched_give_way(struct vcpu *vcpu)
{
	struct sched_entity *entity = &vcpu->sched;
	struct sched_queue *queue = lock_entity(entity);

	entity->class->yield(queue, entity);
	lock_release(&queue->lock);
}

/* ---- the CPU's loop ---- */

/* The slice timer runs only while others wait. Queue locked, entity runs or is about to. */
static void slice_update_locked(struct sched_queue *queue, struct sched_entity *entity)
{
	if (queue->fair_count == 0) {
		timer_cancel(&queue->slice);
	} else if (!timer_is_armed(&queue->slice) || queue->slice.deadline != entity->slice_end) {
		timer_arm(&queue->slice, entity->slice_end);
	}
}

static void account(struct sched_entity *entity, uint64_t now)
{
	entity->ran_ns += now - entity->started;
	entity->started = now;
}

/* Whether the vCPU that just came out of its guest is to leave this CPU. */
static bool gives_way_locked(struct sched_queue *queue, struct sched_entity *entity, uint64_t now)
{
	return entity->blocking || entity->stopping || entity->move_to != NO_CPU ||
	       entity->class->tick(queue, entity, now);
}

/* One that has to wait here goes to an idle CPU instead, if there is one. Queue not locked. */
static uint32_t leave_to(struct sched_queue *queue, struct sched_entity *entity)
{
	uint32_t to = NO_CPU;

	if (!entity->blocking && !entity->stopping && queue->fair_count > 0) {
		to = find_idle(entity);
	}
	return to != NO_CPU ? to : entity->cpu;
}

/* Step 3 of the argument above: the vCPU's state is put away, nobody else runs it yet. */
static uint64_t leave_locked(struct sched_entity *entity, uint32_t to)
{
	struct vcpu *vcpu = vcpu_of(entity);
	bool blocks = entity->blocking && !entity->wake_pending && !arch_vcpu_has_work(vcpu);
	uint64_t work = 0;

	queue_of(entity->cpu)->current = NULL;
	if (entity->stopping || blocks) {
		set_cpu_locked(entity, to);
		entity->state = entity->stopping ? SCHED_STOPPED : SCHED_BLOCKED;
	} else {
		work = enqueue_locked(entity, to);
	}
	if (entity->blocking || entity->stopping) {
		entity->wake_pending = false;
	}
	entity->blocking = false;
	entity->stopping = false;
	entity->move_to = NO_CPU;
	return work;
}

/* Locks both queues; a CPU that was asked for by sched_migrate() comes before a chosen one. */
static uint32_t lock_to_leave(struct cpu *cpu, struct sched_entity *entity, uint32_t to)
{
	for (;;) {
		uint32_t chosen = to;

		lock_entity_and(entity, queue_of(to));
		if (entity->move_to == NO_CPU || entity->move_to == to) {
			return to;
		}
		to = entity->move_to;
		lock_release_pair(&cpu->queue.lock, &queue_of(chosen)->lock);
		/* Its idle bit was taken in vain: it looks around and sets it again. */
		request(chosen, chosen != cpu->index ? CPU_WORK_RESCHED : 0);
	}
}

static void leave(struct cpu *cpu, struct sched_entity *entity)
{
	uint32_t to = leave_to(&cpu->queue, entity);
	uint64_t work;

	arch_vcpu_put(vcpu_of(entity));
	cpu->loaded = NULL;
	to = lock_to_leave(cpu, entity, to);
	work = leave_locked(entity, to);
	lock_release_pair(&cpu->queue.lock, &queue_of(to)->lock);
	if (to != cpu->index) {
		request(to, work);
	}
}

/* Ends the stretch of the current vCPU, if there is one that should end. */
static void settle_current(struct cpu *cpu)
{
	struct sched_queue *queue = &cpu->queue;
	uint64_t now = arch_time_now();
	struct sched_entity *entity;
	bool leaves;

	lock_acquire(&queue->lock);
	entity = queue->current == NULL ? NULL : &queue->current->sched;
	if (entity == NULL) {
		lock_release(&queue->lock);
		return;
	}
	account(entity, now);
	leaves = gives_way_locked(queue, entity, now);
	if (!leaves) {
		slice_update_locked(queue, entity);
	}
	lock_release(&queue->lock);
	if (leaves) {
		leave(cpu, entity);
	}
}

static void run_next_locked(struct cpu *cpu, struct sched_entity *entity)
{
	uint64_t now = arch_time_now();

	entity->state = SCHED_RUNNING;
	entity->waited_ns += now - entity->runnable_since;
	entity->started = now;
	entity->slice_end = now + SCHED_SLICE_NS;
	entity->switches++;
	cpu->queue.current = vcpu_of(entity);
	slice_update_locked(&cpu->queue, entity);
}

static struct sched_entity *pick_locked(struct sched_queue *queue)
{
	struct sched_entity *entity = NULL;

	for (unsigned i = 0; i < ARRAY_SIZE(classes) && entity == NULL; i++) {
		entity = classes[i]->pick(queue);
	}
	return entity;
}

static bool pick(struct cpu *cpu)
{
	struct sched_queue *queue = &cpu->queue;
	struct sched_entity *entity;

	lock_acquire(&queue->lock);
	entity = pick_locked(queue);
	if (entity != NULL) {
		run_next_locked(cpu, entity);
	}
	lock_release(&queue->lock);
	return entity != NULL;
}

/* The CPU with most entities waiting, or NULL; the counts may be a little old. */
static struct cpu *find_busiest(const struct cpu *self)
{
	struct cpu *busiest = NULL;
	uint32_t most = 0;

	for (uint32_t i = 0; i < cpu_count(); i++) {
		struct cpu *cpu = cpu_get(i);
		uint32_t load = atomic_load(&cpu->queue.fair_count);

		if (cpu != self && load > most) {
			most = load;
			busiest = cpu;
		}
	}
	return busiest;
}

static bool steal(struct cpu *cpu)
{
	struct cpu *from = find_busiest(cpu);
	struct sched_entity *entity = NULL;

	if (from == NULL) {
		return false;
	}
	lock_acquire_pair(&cpu->queue.lock, &from->queue.lock);
	for (unsigned i = 0; i < ARRAY_SIZE(classes) && entity == NULL; i++) {
		entity = classes[i]->steal(&from->queue, cpu->index);
	}
	if (entity != NULL) {
		set_cpu_locked(entity, cpu->index);
		run_next_locked(cpu, entity);
	}
	lock_release_pair(&cpu->queue.lock, &from->queue.lock);
	return entity != NULL;
}

/*
 * The bit is set before the last look at the work bits: who enqueues here afterwards sets one and
 * kicks. Handlers run when the CPU has left its quiescent state.
 */
static void idle(struct cpu *cpu)
{
	uint64_t start = arch_time_now();
	uint64_t bit = BIT(cpu->index % 64);

	timer_cancel(&cpu->queue.slice);
	atomic_or(&idle_map[cpu->index / 64], bit);
	epoch_quiesce();
	if (!cpu_has_work(cpu)) {
		arch_cpu_idle();
	}
	epoch_resume();
	atomic_and(&idle_map[cpu->index / 64], ~bit);
	counter_add(&cpu->idle_ns, arch_time_now() - start);
}

bool sched_turn(void)
{
	struct cpu *cpu = arch_cpu_self();

	cpu_work();
	settle_current(cpu);
	if (cpu->queue.current == NULL && !pick(cpu) && !steal(cpu)) {
		idle(cpu);
		return false;
	}
	if (cpu->loaded == NULL) {
		arch_vcpu_load(cpu->queue.current);
		cpu->loaded = cpu->queue.current;
	}
	vcpu_run(cpu->queue.current);
	return true;
}

noreturn void sched_run(void)
{
	for (;;) {
		sched_turn();
	}
}
