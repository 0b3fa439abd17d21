using System.Text;
using System.Text.Json;

namespace Stentor.Node.Tests;

/// <summary>A sink that keeps what it is given, takes as much as the test allows, and takes frames apart again.</summary>
internal sealed class MemorySink : ISink
{
    private readonly Lock _gate = new();
    private readonly MemoryStream _bytes = new();
    private readonly List<(Func<MemorySink, bool> Holds, TaskCompletionSource Done)> _waits = [];
    private readonly List<JsonElement> _frames = [];
    private readonly List<int> _numbers = [];
    private int _parsed;
    private ReadOnlyMemory<byte> _later;
    private Reader? _blocked;

    /// <summary>Bytes it takes before it is full.</summary>
    public long Room { get; private set; } = long.MaxValue;

    /// <summary>Whether it is closed: it takes nothing, for good.</summary>
    public bool IsClosed { get; set; }

    public bool IsAborted { get; private set; }

    /// <summary>How many calls brought bytes.</summary>
    public int Sends { get; private set; }

    /// <summary>Bytes of the rests it was asked to keep, the largest.</summary>
    public int LargestRest { get; private set; }

    public bool IsBlocked
    {
        get
        {
            lock (_gate)
            {
                return _blocked is not null;
            }
        }
    }

    /// <summary>Everything it took.</summary>
    public byte[] Bytes
    {
        get
        {
            lock (_gate)
            {
                return _bytes.ToArray();
            }
        }
    }

    /// <summary>Everything it took, as text.</summary>
    public string Text
    {
        get
        {
            lock (_gate)
            {
                return Encoding.UTF8.GetString(_bytes.GetBuffer(), 0, (int)_bytes.Length);
            }
        }
    }

    /// <summary>How many whole lines it took.</summary>
    public int FrameCount
    {
        get
        {
            lock (_gate)
            {
                Parse();
                return _frames.Count;
            }
        }
    }

    /// <summary>The whole lines it took, each as JSON.</summary>
    public IReadOnlyList<JsonElement> Frames
    {
        get
        {
            lock (_gate)
            {
                Parse();
                return [.. _frames];
            }
        }
    }

    /// <summary>The numbers of the activities it took.</summary>
    public IReadOnlyList<int> Numbers
    {
        get
        {
            lock (_gate)
            {
                Parse();
                return [.. _numbers];
            }
        }
    }

    public static int NumberOf(JsonElement frame) => (frame.TryGetProperty("entry", out var entry) ? entry : frame).GetProperty("activity").GetProperty("n").GetInt32();

    /// <summary>Waits until something holds; it is looked at after every send.</summary>
    public Task WaitAsync(Func<MemorySink, bool> holds)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            _waits.Add((holds, done));
        }

        Look();
        return done.Task.WaitAsync(TestNode.Patience);
    }

    public Task ReceivesAsync(int activities) => WaitAsync(s =>
    {
        s.Parse();
        return s._numbers.Count >= activities;
    });

    /// <summary>Sets how many bytes it takes from now on; when it was full and is not any more, the reader is told.</summary>
    public void SetRoom(long room)
    {
        Reader? reader = null;
        lock (_gate)
        {
            Room = room;
            if (_blocked is not null && Room > 0)
            {
                Room -= _later.Length; // Let the rest through whole; what is over is the next send's problem.
                _bytes.Write(_later.Span);
                (reader, _blocked, _later) = (_blocked, null, default);
            }
        }

        reader?.OnWritable();
        Look();
    }

    public int Send(ReadOnlySpan<byte> bytes)
    {
        int taken;
        lock (_gate)
        {
            Assert.Null(_blocked);
            if (IsClosed)
            {
                return -1;
            }

            taken = (int)Math.Max(0, Math.Min(bytes.Length, Room));
            _bytes.Write(bytes[..taken]);
            Room -= taken;
            Sends++;
        }

        Look();
        return taken;
    }

    public void SendLater(ReadOnlyMemory<byte> rest, Reader reader)
    {
        lock (_gate)
        {
            LargestRest = Math.Max(LargestRest, rest.Length);
            (_later, _blocked) = (rest, reader);
        }

        Look();
    }

    public void Abort() => IsAborted = true;

    private void Parse()
    {
        var bytes = _bytes.GetBuffer().AsSpan(0, (int)_bytes.Length);
        for (int length; (length = bytes[_parsed..].IndexOf((byte)'\n')) >= 0; _parsed += length + 1)
        {
            var frame = JsonDocument.Parse(bytes.Slice(_parsed, length).ToArray()).RootElement;
            _frames.Add(frame);
            if (frame.TryGetProperty("command", out _) || frame.GetProperty("op").GetString() == "activity")
            {
                _numbers.Add(NumberOf(frame));
            }
        }
    }

    private void Look()
    {
        List<TaskCompletionSource> done;
        lock (_gate)
        {
            done = [.. _waits.Where(w => w.Holds(this)).Select(w => w.Done)];
            _waits.RemoveAll(w => done.Contains(w.Done));
        }

        done.ForEach(d => d.SetResult());
    }
}
