package engine

import (
	"fmt"
	"strings"
	"time"
)

// maxShort bounds what the REASON column shows beside the reason.
const maxShort = 60

// describe says in one line why a pod did not succeed: pod, container, exit
// code and the end of its termination message.
func describe(p *Pod) string {
	cause := cause(p)
	switch {
	case cause != "":
		return fmt.Sprintf("pod %s: %s", p.Name, cause)
	case p.Deleting && !p.ended():
		return fmt.Sprintf("pod %s was deleted while it ran", p.Name)
	default:
		return fmt.Sprintf("pod %s failed", p.Name)
	}
}

// cause is what is known of why a pod failed or does not start; empty if nothing.
func cause(p *Pod) string {
	switch {
	case p.Why.Container != "" && p.Why.ExitCode != 0:
		return withMessage(fmt.Sprintf("container %q exited with code %d%s",
			p.Why.Container, p.Why.ExitCode, inBrackets(p.Why.Reason, "Error")), p.Why.Message)
	case p.Why.Container != "":
		return withMessage(fmt.Sprintf("container %q: %s", p.Why.Container, p.Why.Reason), p.Why.Message)
	case p.Why.Reason != "":
		return withMessage(p.Why.Reason, p.Why.Message)
	}
	return ""
}

// short is describe for a table column.
func short(p *Pod) string {
	s := p.Why.Reason
	if p.Why.ExitCode != 0 {
		s = fmt.Sprintf("exit %d", p.Why.ExitCode)
		if p.Why.Reason != "" && p.Why.Reason != "Error" {
			s += " " + p.Why.Reason
		}
	}
	if s == "" && p.Deleting {
		s = "pod deleted"
	}
	if last := lastLine(p.Why.Message); last != "" && p.Why.ExitCode != 0 {
		s += ": " + last
	}
	if r := []rune(s); len(r) > maxShort {
		s = string(r[:maxShort-1]) + "…"
	}
	return s
}

func inBrackets(s, usual string) string {
	if s == "" || s == usual {
		return ""
	}
	return " (" + s + ")"
}

func withMessage(s, message string) string {
	if message = strings.Join(strings.Fields(message), " "); message == "" {
		return s
	}
	return s + ": " + message
}

// lastLine is where a program says what went wrong.
func lastLine(message string) string {
	message = strings.TrimSpace(message)
	return strings.TrimSpace(message[strings.LastIndex(message, "\n")+1:])
}

// lastFailed returns the failed pod of the run that ended last, the one that
// a person asks about; nil if there is none. Ties go to the greater name so
// that the answer does not depend on the order of the list.
func lastFailed(pods []*Pod, failed func(*Pod) bool) *Pod {
	var last *Pod
	var at time.Time
	for _, p := range pods {
		if !failed(p) {
			continue
		}
		if last == nil || p.Finished.After(at) || p.Finished.Equal(at) && p.Name > last.Name {
			last, at = p, p.Finished
		}
	}
	return last
}

// reasonOf is the kubelet's or the scheduler's reason with its explanation.
func reasonOf(p *Pod) string {
	if p.Why.Reason == "" {
		return "it is not known why"
	}
	return withMessage(p.Why.Reason, p.Why.Message)
}
