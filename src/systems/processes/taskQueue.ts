/** First in, first out, between those who bring tasks and those who take them. */
export class TaskQueue<Task extends object> {
  #tasks: Task[] = [];
  #takers: Array<(task: Task) => void> = [];

  get waiting(): number {
    return this.#tasks.length;
  }

  push(task: Task): void {
    const taker = this.#takers.shift();
    if (taker) taker(task);
    else this.#tasks.push(task);
  }

  /** Puts a task that was taken but not begun before all others. */
  putBack(task: Task): void {
    const taker = this.#takers.shift();
    if (taker) taker(task);
    else this.#tasks.unshift(task);
  }

  /** Takes one task out of the queue; false when it is no longer in it. */
  remove(task: Task): boolean {
    const index = this.#tasks.indexOf(task);
    if (index >= 0) this.#tasks.splice(index, 1);
    return index >= 0;
  }

  /** Takes all tasks out of the queue. */
  clear(): Task[] {
    return this.#tasks.splice(0);
  }

  /** Waits for the next task; gives nothing when `until` is aborted before there is one. */
  take(until: AbortSignal): Promise<Task | undefined> {
    if (until.aborted) return Promise.resolve(undefined);
    const task = this.#tasks.shift();
    if (task) return Promise.resolve(task);
    return new Promise((resolve) => {
      const taker = (next: Task) => {
        until.removeEventListener('abort', leave);
        resolve(next);
      };
      const leave = () => {
        this.#takers = this.#takers.filter((other) => other !== taker);
        resolve(undefined);
      };
      until.addEventListener('abort', leave, { once: true });
      this.#takers.push(taker);
    });
  }
}
