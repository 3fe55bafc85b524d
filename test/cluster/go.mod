module github.com/stint-dev/stint/test/cluster

go 1.26.0
