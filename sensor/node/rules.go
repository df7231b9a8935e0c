package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"tiercel.dev/rules"
	"tiercel.dev/rules/library"
	"tiercel.dev/rules/reload"
)

// Rules says which rules are in force.
type Rules struct {
	Library bool     // the shipped rules; default true
	Paths   []string // files and folders, read after the shipped ones and again when they change
	Fixed   bool     // files that change are not read again
	// Falco is about those of them that are in Falco's language.
	Falco rules.FalcoOptions
}

// shipped are the library's sources, if it is wanted.
func (r Rules) shipped() ([]rules.Source, error) {
	if r.Library {
		return library.Sources(), nil
	}
	if len(r.Paths) == 0 {
		return nil, errors.New("no rule file is given, and the shipped rules are left out")
	}
	return nil, nil
}

// A ruleKeeper holds the rules in force and the lists that the sensor fills for them.
type ruleKeeper struct {
	*reload.Reloader
	lists *rules.Lists
	fixed bool
}

// loadRules reads and compiles the rules. onError is told of each event on which a rule's condition ended in an error;
// changed of each set that is to come into force after the first.
func loadRules(from Rules, onError func(*rules.Rule, error), changed func(*rules.Set), log *slog.Logger) (*ruleKeeper, error) {
	before, err := from.shipped()
	if err != nil {
		return nil, fmt.Errorf("rules: %w: %w", ErrMistake, err)
	}
	k := &ruleKeeper{lists: rules.NewLists(), fixed: from.Fixed}
	k.Reloader, err = reload.New(reload.Config{
		Paths: from.Paths, Before: before, Options: rules.Options{Lists: k.lists, Falco: from.Falco},
		Changed: func(set *rules.Set) {
			prepare(set, onError, log)
			changed(set)
		},
	}, log)
	if err != nil {
		return nil, fmt.Errorf("rules: %w: %w", ErrMistake, err)
	}
	prepare(k.Current(), onError, log)
	return k, nil
}

// prepare makes a set ready to be in force.
func prepare(set *rules.Set, onError func(*rules.Rule, error), log *slog.Logger) {
	set.OnError = onError
	for _, w := range set.Warnings() {
		log.Warn("rules", "warning", w.Error())
	}
}

// problem says why the rules last read were not taken, or "".
func (k *ruleKeeper) problem() string {
	if err := k.Err(); err != nil {
		return err.Error()
	}
	return ""
}

// setAPIServers fills the lists that rules compare addresses and ports with.
func (k *ruleKeeper) setAPIServers(addresses []string, ports []int64) {
	k.lists.SetTexts(addressList, addresses)
	k.lists.SetInts(portList, ports)
}

// watch reads the files again when they change, until ctx is done.
func (k *ruleKeeper) watch(ctx context.Context) {
	if !k.fixed {
		k.Run(ctx)
	}
}
