package main

import (
	"encoding/json"
	"fmt"
	"plugin"
	"regexp"
	"sort"
	"strings"

	"example.com/host/api"
)

// ruleDef is a rule as it was ordered.
type ruleDef struct {
	ID        string                   `json:"id"`
	SQL       string                   `json:"sql"`
	Actions   []map[string]interface{} `json:"actions"`
	Triggered *bool                    `json:"triggered,omitempty"`
}

// rule is a rule of this process: it runs as long as failed is empty and done is open.
type rule struct {
	// words say why it failed; started tells whether it had run before.
	words   string
	started bool
	stopped bool
	done    chan struct{}
	// last is the last message after all functions.
	last map[string]interface{}
	seen int
}

var (
	streamSQL   = regexp.MustCompile(`(?i)create\s+stream\s+(\w+).*type\s*=\s*"(\w+)"`)
	fromSQL     = regexp.MustCompile(`(?i)\bfrom\s+(\w+)`)
	functionSQL = regexp.MustCompile(`(\w+)\(`)
)

func (d *ruleDef) triggered() bool { return d.Triggered == nil || *d.Triggered }

// need is a plugin, or a built-in part, that a rule uses.
type need struct{ kind, name string }

func (e *engine) needs(d *ruleDef) []need {
	needs := []need{}
	if from := fromSQL.FindStringSubmatch(d.SQL); from != nil {
		if sql, ok := e.saved.Streams[from[1]]; ok {
			needs = append(needs, need{"sources", streamSQL.FindStringSubmatch(sql)[2]})
		}
	}
	for _, action := range d.Actions {
		for name := range action {
			needs = append(needs, need{"sinks", name})
		}
	}
	for _, match := range functionSQL.FindAllStringSubmatch(d.SQL, -1) {
		needs = append(needs, need{"functions", match[1]})
	}
	return needs
}

func isBuiltIn(n need) bool {
	for _, name := range builtIn[n.kind] {
		if name == n.name {
			return true
		}
	}
	return false
}

// startRule makes the parts of the rule, and runs it. What fails is in its words.
func (e *engine) startRule(id string) {
	d := e.saved.Rules[id]
	r := &rule{done: make(chan struct{}), stopped: !d.triggered()}
	e.rules[id] = r
	if r.stopped {
		return
	}
	var source api.Source
	var sinks []api.Sink
	var functions []api.Function
	for _, n := range e.needs(d) {
		if isBuiltIn(n) {
			continue
		}
		symbol, err := e.plugins.symbol(n.kind, n.name)
		if err == nil {
			source, sinks, functions, err = use(symbol, n, source, sinks, functions)
		}
		if err != nil {
			r.words = err.Error()
			return
		}
	}
	r.started = true
	if source != nil {
		go e.run(r, source, sinks, functions)
	}
}

// use checks the symbol's type and configures what it gives.
func use(symbol plugin.Symbol, n need, source api.Source, sinks []api.Sink, functions []api.Function) (api.Source, []api.Sink, []api.Function, error) {
	unfit := fmt.Errorf("exported symbol %s is not type of api.%s or function that return api.%s",
		otherCase(n.name, strings.ToUpper), singular(n.kind), singular(n.kind))
	switch n.kind {
	case "sources":
		build, ok := symbol.(func() api.Source)
		if !ok {
			return source, sinks, functions, unfit
		}
		source = build()
		return source, sinks, functions, source.Configure("demo")
	case "sinks":
		build, ok := symbol.(func() api.Sink)
		if !ok {
			return source, sinks, functions, unfit
		}
		sink := build()
		return source, append(sinks, sink), functions, sink.Configure()
	}
	function, ok := symbol.(api.Function)
	if !ok {
		return source, sinks, functions, unfit
	}
	return source, sinks, append(functions, function), nil
}

func singular(kind string) string { return otherCase(strings.TrimSuffix(kind, "s"), strings.ToUpper) }

// run is the rule at work: every message goes through the functions into the sinks. The first error ends it.
func (e *engine) run(r *rule, source api.Source, sinks []api.Sink, functions []api.Function) {
	messages := make(chan map[string]interface{})
	failed := make(chan error, 1)
	go source.Open(messages, failed, r.done)
	for {
		var err error
		select {
		case <-r.done:
			return
		case err = <-failed:
		case message := <-messages:
			for _, function := range functions {
				result, ok := function.Exec(message["version"])
				if !ok {
					err = fmt.Errorf("%v", result)
				}
				message["result"] = result
			}
			for _, sink := range sinks {
				if failure := sink.Collect(message); failure != nil {
					err = failure
				}
			}
			e.Lock()
			r.last, r.seen = message, r.seen+1
			e.Unlock()
		}
		if err != nil {
			e.Lock()
			r.words = err.Error()
			e.Unlock()
			return
		}
	}
}

func (e *engine) stopRule(id string) {
	if r := e.rules[id]; r != nil && !r.stopped && r.words == "" {
		close(r.done)
		r.stopped = true
	}
}

// listed is the status in the list of all rules.
func (r *rule) listed() string {
	runs := !r.stopped && r.words == ""
	switch {
	case since(2, 0) && runs:
		return "running"
	case since(2, 0) && r.stopped:
		return "stopped"
	case since(2, 0):
		return "stopped by error"
	case runs:
		return "Running"
	case !since(1, 8):
		return "Stopped: canceled manually or by error."
	case r.stopped:
		return "Stopped: canceled manually."
	case !r.started:
		return "Stopped: fail to create the topo."
	}
	return fmt.Sprintf("Stopped: %s.", r.words)
}

func (e *engine) serveRules(c *call) {
	id, what := c.part(1), c.part(2)
	d, r := e.saved.Rules[id], e.rules[id]
	switch {
	case id == "" && c.method == "POST":
		e.createRule(c)
	case id == "":
		listed := []map[string]string{}
		for _, id := range sortedKeys(e.rules) {
			listed = append(listed, map[string]string{"id": id, "name": "", "status": e.rules[id].listed()})
		}
		c.json(listed)
	case d == nil:
		c.fail(404, fmt.Sprintf("Describe rule error: Rule %s is not found.", id))
	case c.method == "DELETE":
		e.stopRule(id)
		delete(e.saved.Rules, id)
		delete(e.rules, id)
		e.save()
		c.text(200, fmt.Sprintf("Rule %s is dropped.", id))
	case c.method == "POST":
		e.stopRule(id)
		triggered := what != "stop"
		d.Triggered = &triggered
		e.save()
		e.startRule(id)
		c.text(200, fmt.Sprintf("Rule %s was %s", id, map[string]string{"start": "started", "stop": "stopped.", "restart": "restarted"}[what]))
	case what == "status":
		e.serveStatus(c, r)
	default:
		triggered := d.triggered()
		c.json(ruleDef{d.ID, d.SQL, d.Actions, &triggered})
	}
}

// serveStatus answers with metrics while the rule runs; until 1.14 with one line of text where it doesn't.
func (e *engine) serveStatus(c *call, r *rule) {
	if !since(2, 0) && r.listed() != "Running" {
		c.text(200, r.listed())
		return
	}
	status := map[string]interface{}{"source_demo_0_records_in_total": r.seen, "last_message": r.last}
	if since(2, 0) {
		status["status"], status["message"] = r.listed(), r.words
		if r.stopped {
			status["message"] = "canceled manually"
		}
		c.json(status)
		return
	}
	if since(1, 6) {
		status["status"] = "running"
	}
	text, _ := json.Marshal(status)
	c.text(200, string(text))
}

// createRule refuses unknown parts since 2.0, and before only unknown functions.
func (e *engine) createRule(c *call) {
	d := &ruleDef{}
	if err := json.Unmarshal(c.body, d); err != nil || d.ID == "" {
		c.fail(400, "invalid rule json")
		return
	}
	for _, n := range e.needs(d) {
		if isBuiltIn(n) || !(since(2, 0) || n.kind == "functions") {
			continue
		}
		if _, err := e.plugins.symbol(n.kind, n.name); err != nil {
			c.fail(400, err.Error())
			return
		}
	}
	e.saved.Rules[d.ID] = d
	e.save()
	e.startRule(d.ID)
	c.text(201, fmt.Sprintf("Rule %s was created successfully.", d.ID))
}

func (e *engine) serveStreams(c *call) {
	name := c.part(1)
	sql, known := e.saved.Streams[name]
	switch {
	case name == "" && c.method == "POST":
		var order struct{ SQL string }
		_ = json.Unmarshal(c.body, &order)
		found := streamSQL.FindStringSubmatch(order.SQL)
		if found == nil {
			c.fail(400, "invalid stream")
			return
		}
		e.saved.Streams[found[1]] = order.SQL
		e.save()
		c.text(201, fmt.Sprintf("Stream %s is created.", found[1]))
	case name == "":
		names := []string{}
		for name := range e.saved.Streams {
			names = append(names, name)
		}
		sort.Strings(names)
		c.json(names)
	case !known && since(2, 0):
		c.fail(400, fmt.Sprintf("describe stream error: Describe stream fails, %s is not found.", name))
	case !known:
		c.fail(404, fmt.Sprintf("describe stream error: Stream %s is not found.", name))
	default:
		options := map[string]string{"DATASOURCE": "x", "TYPE": streamSQL.FindStringSubmatch(sql)[2]}
		if since(1, 6) {
			options = map[string]string{"datasource": "x", "type": options["TYPE"]}
		}
		c.json(map[string]interface{}{"Name": name, "StreamFields": nil, "Options": options})
	}
}

// serveExport answers POST with what those rules need, as far as it is loaded, and GET with all that is its own.
func (e *engine) serveExport(c *call) {
	ids := []string{}
	_ = json.Unmarshal(c.body, &ids)
	streams, rules, native := map[string]string{}, map[string]string{}, map[string]string{}
	if c.method == "GET" {
		ids = sortedKeys(e.rules)
		for name, sql := range e.saved.Streams {
			streams[name] = sql
		}
	}
	for _, id := range ids {
		rules[id] = ""
		d := e.saved.Rules[id]
		if d == nil {
			continue
		}
		triggered := d.triggered()
		text, _ := json.Marshal(ruleDef{d.ID, d.SQL, d.Actions, &triggered})
		rules[id] = string(text)
		if from := fromSQL.FindStringSubmatch(d.SQL); from != nil {
			streams[from[1]] = e.saved.Streams[from[1]]
		}
		for _, n := range e.needs(d) {
			name := n.name
			if n.kind == "functions" {
				name = e.plugins.owner(name)
			}
			order, isOwn := e.saved.Orders[n.kind+"_"+name]
			if _, ok := e.plugins.known[n.kind][name]; ok && (isOwn || c.method == "POST") {
				native[n.kind+"_"+name] = order
			}
		}
	}
	text, _ := json.Marshal(map[string]interface{}{
		"streams": streams, "tables": map[string]string{}, "rules": rules, "nativePlugins": native, "portablePlugins": map[string]string{},
	})
	c.Header().Set("Content-Type", "application/octet-stream")
	_, _ = c.Write(text)
}

func sortedKeys(rules map[string]*rule) []string {
	keys := []string{}
	for key := range rules {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
