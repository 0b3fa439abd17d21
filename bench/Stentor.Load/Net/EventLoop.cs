using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Stentor.Load.Net;

/// <summary>Drives many connections on the calling thread: one epoll, one receive buffer, one system call a piece of input.</summary>
internal sealed unsafe class EventLoop : IDisposable
{
    private const int EventsMax = 512;
    private const int BufferBytes = 256 * 1024;

    /// <summary>Connections that may be in their greeting at once: below the listen backlog of every server measured.</summary>
    private const int GreetingsMax = 100;

    private readonly int _epoll;
    private readonly List<Connection> _connections = [];
    private readonly byte[] _events = GC.AllocateArray<byte>(EventsMax * 16, pinned: true);
    private readonly byte[] _buffer = GC.AllocateArray<byte>(BufferBytes, pinned: true);
    private readonly byte[] _change = GC.AllocateArray<byte>(16, pinned: true);
    private readonly CancellationToken _stop;

    /// <summary>Makes a loop.</summary>
    /// <param name="stop">Ends every wait by an exception.</param>
    public EventLoop(CancellationToken stop)
    {
        _stop = stop;
        _epoll = Libc.EpollCreate(0);
        if (_epoll < 0)
        {
            throw new LoadException($"epoll_create1 failed: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        // 1 ns: waits of an open-loop schedule should not be 50 µs late, which is the kernel's default slack.
        _ = Libc.ProcessControl(Libc.SetTimerSlack, 1, 0, 0, 0);
    }

    /// <summary>All connections, in the order they were added.</summary>
    public IReadOnlyList<Connection> Connections => _connections;

    /// <summary>Opens connections and waits until all are ready.</summary>
    /// <param name="count">How many.</param>
    /// <param name="open">Opens the i-th.</param>
    /// <param name="timeoutSeconds">Longest time for all of them.</param>
    public Connection[] Connect(int count, Func<int, Connection> open, int timeoutSeconds = 60)
    {
        var opened = new Connection[count];
        var deadline = Clock.Now + (timeoutSeconds * Clock.Second);
        var ready = 0;
        for (var i = 0; i < count; i++)
        {
            opened[i] = open(i);
            Add(opened[i]);
            while (i - ready >= GreetingsMax)
            {
                Step();
            }
        }

        while (ready < count)
        {
            Step();
        }

        return opened;

        void Step()
        {
            Poll(10 * Clock.Millisecond);
            while (ready < count && opened[ready] is { IsReady: true })
            {
                ready++;
            }

            if (Clock.Now > deadline)
            {
                throw new LoadException($"Only {ready} of {count} connections were ready after {timeoutSeconds} s.");
            }
        }
    }

    /// <summary>Opens one connection and waits until it is ready.</summary>
    public T Connect<T>(Func<T> open)
        where T : Connection => (T)Connect(1, _ => open())[0];

    /// <summary>Takes what has arrived and sends what has room; waits until there is something.</summary>
    /// <param name="waitNs">Longest wait, in nanoseconds; 0 for none.</param>
    public void Poll(long waitNs)
    {
        _stop.ThrowIfCancellationRequested();
        var timeout = new Libc.TimeSpec { Seconds = Math.Max(waitNs, 0) / Clock.Second, Nanoseconds = Math.Max(waitNs, 0) % Clock.Second };
        int count;
        fixed (byte* events = _events)
        {
            count = Libc.EpollWait(_epoll, events, EventsMax, &timeout, 0);
        }

        for (var i = 0; i < count; i++)
        {
            var happened = _events.AsSpan(i * Libc.EventBytes, Libc.EventBytes);
            var flags = BinaryPrimitives.ReadInt32LittleEndian(happened);
            var connection = _connections[BinaryPrimitives.ReadInt32LittleEndian(happened[Libc.EventDataOffset..])];
            if ((flags & Libc.EpollOut) != 0)
            {
                connection.Flush();
            }

            if ((flags & ~Libc.EpollOut) != 0)
            {
                Receive(connection);
            }

            if (connection.Failure is { } failure)
            {
                throw new LoadException(failure);
            }

            Arm(connection);
        }
    }

    /// <summary>Sends a connection's output; what the socket does not take is sent by <see cref="Poll"/>.</summary>
    public void Flush(Connection connection)
    {
        connection.Flush();
        Arm(connection);
        if (connection.Failure is { } failure)
        {
            throw new LoadException(failure);
        }
    }

    /// <summary>Polls until something holds.</summary>
    /// <param name="isDone">What must hold.</param>
    /// <param name="timeoutSeconds">Longest wait.</param>
    /// <param name="what">What did not happen, for the message.</param>
    public void PollUntil(Func<bool> isDone, int timeoutSeconds, Func<string> what)
    {
        var deadline = Clock.Now + (timeoutSeconds * Clock.Second);
        while (!isDone())
        {
            if (Clock.Now > deadline)
            {
                throw new LoadException($"{what()} after {timeoutSeconds} s.");
            }

            Poll(10 * Clock.Millisecond);
        }
    }

    /// <summary>Polls for a while.</summary>
    public void PollFor(long ns)
    {
        for (var end = Clock.Now + ns; Clock.Now < end;)
        {
            Poll(Math.Min(end - Clock.Now, 100 * Clock.Millisecond));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var connection in _connections)
        {
            connection.Dispose();
        }

        _ = Libc.Close(_epoll);
    }

    private void Add(Connection connection)
    {
        connection.Index = _connections.Count;
        _connections.Add(connection);
        Control(Libc.EpollAdd, connection, Libc.EpollIn);
        connection.Start();
        Flush(connection);
    }

    private void Receive(Connection connection)
    {
        var rest = connection.RestLength;
        if (rest == BufferBytes)
        {
            connection.Fail($"A record is longer than {BufferBytes} bytes.");
            return;
        }

        connection.Rest.AsSpan(0, rest).CopyTo(_buffer);
        nint received;
        fixed (byte* buffer = _buffer)
        {
            received = Libc.Receive(connection.Handle, buffer + rest, (nuint)(BufferBytes - rest), 0);
        }

        if (received <= 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (received == 0)
            {
                connection.Fail("The server closed a connection.");
            }
            else if (error is not (Libc.TryAgain or Libc.Interrupted))
            {
                connection.Fail($"Receiving failed: {Marshal.GetPInvokeErrorMessage(error)}");
            }

            return;
        }

        connection.ReceivedAt = Clock.Now;
        connection.ChecksNext = true;
        var input = _buffer.AsSpan(0, rest + (int)received);
        var left = input[connection.Consume(input)..];
        if (connection.Rest.Length < left.Length)
        {
            connection.Rest = new byte[Math.Max(512, left.Length * 2)];
        }

        left.CopyTo(connection.Rest);
        connection.RestLength = left.Length;
        connection.AfterInput?.Invoke(connection);
        connection.Flush();
    }

    /// <summary>Asks for word of room in the socket while output waits, and no longer.</summary>
    private void Arm(Connection connection)
    {
        if (connection.HasBacklog != connection.WaitsForRoom)
        {
            connection.WaitsForRoom = connection.HasBacklog;
            Control(Libc.EpollModify, connection, Libc.EpollIn | (connection.HasBacklog ? Libc.EpollOut : 0));
        }
    }

    private void Control(int operation, Connection connection, int flags)
    {
        BinaryPrimitives.WriteInt32LittleEndian(_change, flags);
        BinaryPrimitives.WriteInt32LittleEndian(_change.AsSpan(Libc.EventDataOffset), connection.Index);
        fixed (byte* change = _change)
        {
            if (Libc.EpollControl(_epoll, operation, connection.Handle, change) < 0)
            {
                throw new LoadException($"epoll_ctl failed: {Marshal.GetLastPInvokeErrorMessage()}");
            }
        }
    }
}
