// Command host is an engine as far as a plugin server can see it: its REST interface, its installer, and rules that call
// plugins loaded with plugin.Open. Its habits are those of the version that it says it is, as seen on a Kuiper 1.0.2 and
// an eKuiper 2.4.0. test/support/engine-stand-in.ts is the same without Go; test/system/engine-host.test.ts compares them.
//
// A test halts it by writing the name of a point (see halt) into data/halt; it goes on when the file is gone.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

var (
	base    = flag.String("base", "", "the base folder, with plugins, etc and data")
	address = flag.String("address", "127.0.0.1:9082", "where the REST interface listens")
	version = flag.String("version", "2.4.0", "the version whose habits it has")
)

// since tells whether the version is that one or a later one.
func since(wanted ...int) bool {
	ours := strings.Split(*version, ".")
	for i, part := range wanted {
		have := 0
		if i < len(ours) {
			have, _ = strconv.Atoi(ours[i])
		}
		if have != part {
			return have > part
		}
	}
	return true
}

// halt waits as long as data/halt names this point, and says in data/halted that it does.
func halt(point string) {
	order := filepath.Join(*base, "data", "halt")
	for {
		named, err := os.ReadFile(order)
		if err != nil || strings.TrimSpace(string(named)) != point {
			return
		}
		_ = os.WriteFile(filepath.Join(*base, "data", "halted"), []byte(point), 0o644)
		time.Sleep(20 * time.Millisecond)
	}
}

// saved is what the engine's own database has: it outlives the process.
type saved struct {
	Streams   map[string]string   `json:"streams"`
	Rules     map[string]*ruleDef `json:"rules"`
	Functions map[string][]string `json:"functions"`
	Orders    map[string]string   `json:"orders"`
}

type engine struct {
	sync.Mutex
	started time.Time
	saved   saved
	plugins *plugins
	rules   map[string]*rule
}

func main() {
	flag.Parse()
	if err := os.MkdirAll(filepath.Join(*base, "data"), 0o755); err != nil {
		log.Fatal(err)
	}
	halt("start")
	e := &engine{started: time.Now(), rules: map[string]*rule{}}
	e.load()
	e.plugins = readPlugins(&e.saved)
	for id := range e.saved.Rules {
		e.startRule(id)
	}
	log.Printf("engine %s on %s", *version, *address)
	log.Fatal(http.ListenAndServe(*address, http.HandlerFunc(e.serve)))
}

func (e *engine) database() string { return filepath.Join(*base, "data", "host.json") }

func (e *engine) load() {
	if text, err := os.ReadFile(e.database()); err == nil {
		if err := json.Unmarshal(text, &e.saved); err != nil {
			log.Fatal(err)
		}
	}
	if e.saved.Streams == nil {
		e.saved = saved{map[string]string{}, map[string]*ruleDef{}, map[string][]string{}, map[string]string{}}
	}
}

// save replaces the file in one step, so that a kill leaves the old one or the new one.
func (e *engine) save() {
	text, _ := json.Marshal(e.saved)
	if err := os.WriteFile(e.database()+".new", text, 0o644); err != nil {
		log.Fatal(err)
	}
	if err := os.Rename(e.database()+".new", e.database()); err != nil {
		log.Fatal(err)
	}
}

// call is one request, and its answer.
type call struct {
	http.ResponseWriter
	method string
	parts  []string
	query  string
	body   []byte
}

func (e *engine) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 16<<20))
	c := &call{w, r.Method, nil, r.URL.RawQuery, body}
	for _, part := range strings.Split(r.URL.Path, "/") {
		if part != "" {
			c.parts = append(c.parts, part)
		}
	}
	w.Header().Set("Connection", "close") // as every reply of the engine
	first := c.part(0)
	halt(strings.ToLower(r.Method) + " " + r.URL.Path)
	e.Lock()
	defer e.Unlock()
	switch {
	case first == "":
		c.text(200, fmt.Sprintf(`{"version":%q,"os":"linux","upTimeSeconds":%d}`, *version, int(time.Since(e.started).Seconds())))
	case first == "ping":
	case first == "stop" && since(1, 12):
		c.text(200, "stop success")
		exitSoon(0)
	case first == "plugins" && typeIndex(c.part(1)) >= 0:
		e.servePlugins(c)
	case first == "metadata" && c.method == "GET" && typeIndex(c.part(1)) >= 0:
		c.json(e.plugins.metadata(c.part(1)))
	case first == "tables" && since(1, 2):
		c.json([]string{})
	case first == "streams":
		e.serveStreams(c)
	case first == "rules":
		e.serveRules(c)
	case first == "data" && c.part(1) == "export" && since(1, 9):
		e.serveExport(c)
	default:
		c.text(404, "404 page not found\n")
	}
}

// exitSoon ends the process once the reply is out: with 0 after /stop, with 100 after ?stop=1.
func exitSoon(code int) {
	time.AfterFunc(200*time.Millisecond, func() { os.Exit(code) })
}

func (c *call) part(index int) string {
	if index < len(c.parts) {
		return c.parts[index]
	}
	return ""
}

func (c *call) text(status int, text string) {
	c.Header().Set("Content-Type", "text/plain; charset=utf-8")
	c.WriteHeader(status)
	_, _ = io.WriteString(c, text)
}

func (c *call) json(value interface{}) {
	c.Header().Set("Content-Type", "application/json")
	text, _ := json.Marshal(value)
	_, _ = c.Write(text)
}

// fail answers with words as text, and as JSON since 1.13.
func (c *call) fail(status int, words string) {
	if !since(1, 13) {
		c.text(status, words+"\n")
		return
	}
	code := 1000
	if status == 404 {
		code = 1002
	}
	text, _ := json.Marshal(struct {
		Error   int    `json:"error"`
		Message string `json:"message"`
	}{code, words})
	c.text(status, string(text))
}

func (e *engine) servePlugins(c *call) {
	kind, name := c.part(1), c.part(2)
	product := "eKuiper"
	if !since(1, 2) {
		product = "Kuiper"
	}
	info, known := e.plugins.known[kind][name]
	switch {
	case name == "" && c.method == "GET":
		c.json(e.plugins.list(kind))
	case name == "":
		var order struct {
			Name, File string
			Functions  []string
		}
		_ = json.Unmarshal(c.body, &order)
		if err := e.plugins.install(kind, order.Name, order.File); err != nil {
			c.fail(400, fmt.Sprintf("%s plugins create command error: %v", kind, err))
			return
		}
		e.saved.Orders[kind+"_"+order.Name] = string(c.body)
		if len(order.Functions) > 0 {
			e.saved.Functions[order.Name] = order.Functions
		}
		e.save()
		c.text(201, fmt.Sprintf("%s plugin %s is created", kind, order.Name))
	case c.part(3) == "register" && since(1, 2):
		var order struct{ Functions []string }
		_ = json.Unmarshal(c.body, &order)
		e.saved.Functions[name] = order.Functions
		e.save()
		c.text(200, fmt.Sprintf("function plugin %s function list is registered", name))
	case c.method == "GET" && !known:
		c.fail(404, fmt.Sprintf("describe %s plugin %s error: not found", kind, name))
	case c.method == "GET":
		c.json(struct {
			Name      string   `json:"name"`
			Version   string   `json:"version"`
			Functions []string `json:"functions,omitempty"`
		}{name, strings.TrimPrefix(info.version, "v"), e.saved.Functions[name]})
	case !known:
		c.fail(404, fmt.Sprintf("delete %s plugin %s error: invalid name %s: not exist", kind, name, name))
	default:
		e.plugins.remove(kind, name)
		delete(e.saved.Orders, kind+"_"+name)
		delete(e.saved.Functions, name)
		e.save()
		if strings.Contains(c.query, "stop=1") {
			c.text(200, fmt.Sprintf("%s plugin %s is deleted and %s will be stopped", kind, name, product))
			exitSoon(100)
			return
		}
		c.text(200, fmt.Sprintf("%s plugin %s is deleted and %s must restart for the change to take effect.", kind, name, product))
	}
}
