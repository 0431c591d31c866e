// Command chengine fetches the ClickHouse engine that tests use, and serves it:
//
//	chengine fetch                                  puts libchdb.so into the cache; with it there, does nothing
//	chengine serve -path DIR [-listen HOST:PORT] …  ClickHouse's HTTP interface over the data in DIR
//
// serve says where it listens in one line on its standard output, and ends with its standard input: so it goes with
// whoever started it, however that one ended. It is built without cgo. Package chengine runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gatefold/gatefold/internal/chengine"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "chengine:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("say what: fetch or serve")
	}
	switch args[0] {
	case "fetch":
		path, err := chengine.Fetch(context.Background(), os.Stderr)
		if err == nil {
			fmt.Println(path)
		}
		return err
	case "serve":
		return serve(args[1:])
	}
	return fmt.Errorf("there is no %q: say fetch or serve", args[0])
}

func serve(args []string) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	path := flags.String("path", "", "data `folder`")
	listen := flags.String("listen", "127.0.0.1:0", "`address` of the HTTP interface")
	user := flags.String("user", "", "the one `name` that is let in; empty: anybody")
	password := flags.String("password", "", "its password")
	config := flags.String("config", "", "server configuration, an XML `file`")
	remove := flags.String("remove", "", "`folder` to remove when the standard input ends")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *path == "" {
		return errors.New("-path is missing")
	}
	library, err := chengine.Library()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	e, err := loadEngine(library, *path, *config)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: &handler{e, *user, *password}, ReadHeaderTimeout: time.Minute}
	go srv.Serve(listener)
	fmt.Println("listening on", listener.Addr())
	orphaned := awaitEnd()
	if orphaned && *remove != "" {
		os.RemoveAll(*remove)
		os.Exit(0) // there is nothing to close well
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		return fmt.Errorf("wait for what is under way: %w", err) // a session is open: the engine can't be closed
	}
	e.close()
	return nil
}

// awaitEnd returns at SIGTERM or SIGINT, or, with true, when the standard input ends.
func awaitEnd() (orphaned bool) {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM, syscall.SIGINT)
	gone := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(gone)
	}()
	select {
	case <-told:
		return false
	case <-gone:
		return true
	}
}
