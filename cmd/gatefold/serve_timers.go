package main

import (
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	usualSlack = 50 * time.Microsecond // Linux's own
	timerSlack = 200 * time.Microsecond
)

func init() { runtime.LockOSThread() } // main begins on the first thread; relaxTimers unlocks

// relaxTimers lets threads that sleep for a time wake up as late as timerSlack (prctl(2), PR_SET_TIMERSLACK). Go's runtime has one
// that sleeps for 20 us again and again while there is anything to do, and threads that look for work sleep for 3: with the usual
// slack they wake some ten thousand times a second while one user types, on the processors that carry the keys.
//
// A thread has this from the one that made it, and the runtime made some before main; so the program executes itself again. What
// somebody else has set stays, and where it can't be done, all works as well, only not as fast.
//
// It runs on the process's first thread, and once: where another one executes, the first is gone for a moment, and whoever looks
// at the process then takes it for one that has ended. Verbs other than serve stay as they are.
func relaxTimers(args []string) {
	defer runtime.UnlockOSThread()
	if !slices.Contains(args, "serve") {
		return
	}
	if slack, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0); err != nil || time.Duration(slack) != usualSlack {
		return
	}
	self, err := os.Executable()
	if err != nil || unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(timerSlack), 0, 0, 0) != nil {
		return
	}
	syscall.Exec(self, os.Args, os.Environ())
}
