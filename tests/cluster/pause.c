/* Holds a pod's namespaces: sleeps, reaps orphans, ends at once when told to. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void leave(int signal)
{
	(void)signal;
	_exit(0);
}

static void reap(int signal)
{
	(void)signal;
	while (waitpid(-1, 0, WNOHANG) > 0)
		;
}

int main(void)
{
	signal(SIGINT, leave);
	signal(SIGTERM, leave);
	signal(SIGCHLD, reap);
	for (;;)
		pause();
}
