using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Stentor.Protocol;

namespace Stentor.Load.Net;

/// <summary>
/// One connection to a server under test, driven by an <see cref="EventLoop"/>. A derived class knows the words of one protocol. Every
/// protocol goes through the same loop, the same buffers and the same checks, so that no server is measured with a lighter client.
/// </summary>
internal abstract class Connection : IDisposable
{
    /// <summary>Written output above which the memory is given back after a send.</summary>
    private const int OutputKeptMax = 1 << 20;

    private readonly Socket _socket;
    private readonly ByteBuffer _output = new(256);
    private int _sent;
    private long _nthLast = -1;

    protected Connection(IPEndPoint server, Tally tally)
    {
        Tally = tally;
        _socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            _socket.Connect(server);
        }
        catch (SocketException e)
        {
            _socket.Dispose();
            throw new LoadException($"No connection to {server}: {e.Message}");
        }

        _socket.Blocking = false;
        Handle = (int)_socket.SafeHandle.DangerousGetHandle();
    }

    /// <summary>What it counts into.</summary>
    public Tally Tally { get; }

    /// <summary>The socket's descriptor.</summary>
    public int Handle { get; }

    /// <summary>Whether the greeting is over and the subscriptions stand.</summary>
    public bool IsReady { get; protected set; }

    /// <summary>Activities delivered on this connection.</summary>
    public long Deliveries { get; private set; }

    /// <summary>Publishes or requests answered on this connection.</summary>
    public long Acks { get; private set; }

    /// <summary>What went wrong first, or null.</summary>
    public string? Failure { get; private set; }

    /// <summary>Called after each piece of input; null for none. A closed-loop sender answers here.</summary>
    public Action<Connection>? AfterInput { get; set; }

    /// <summary>Whether output waits for the server to read.</summary>
    public bool HasBacklog => _sent < _output.Length;

    /// <summary>Its place in the event loop.</summary>
    internal int Index { get; set; }

    /// <summary>Input that was received but is not yet a whole record. Owned by the event loop.</summary>
    internal byte[] Rest { get; set; } = [];

    /// <summary>How much of <see cref="Rest"/> counts.</summary>
    internal int RestLength { get; set; }

    /// <summary>Whether the loop was asked to say when the socket takes more.</summary>
    internal bool WaitsForRoom { get; set; }

    /// <summary>Whether the next delivery is compared with the number it must have. The loop sets it for every piece of input.</summary>
    internal bool ChecksNext { get; set; }

    /// <summary>When the input at hand arrived.</summary>
    internal long ReceivedAt { get; set; }

    protected ByteBuffer Output => _output;

    /// <summary>Says the first words; the loop calls it once.</summary>
    public abstract void Start();

    /// <summary>Takes whole records off the front of <paramref name="input"/>.</summary>
    /// <param name="input">All that has arrived and was not consumed.</param>
    /// <returns>How many bytes were consumed; the rest comes again, with more behind it.</returns>
    public abstract int Consume(ReadOnlySpan<byte> input);

    /// <summary>Puts one publish into the output; <see cref="Flush"/> sends it.</summary>
    /// <param name="channel">The channel (subject, stream, group).</param>
    /// <param name="activity">The activity as JSON.</param>
    public virtual void Publish(ReadOnlySpan<byte> channel, ReadOnlySpan<byte> activity) =>
        throw new NotSupportedException($"{GetType().Name} does not publish.");

    /// <summary>Sends what was written, as far as the socket takes it; the loop sends the rest later.</summary>
    public unsafe void Flush()
    {
        while (HasBacklog && Failure is null)
        {
            var pending = _output.WrittenSpan[_sent..];
            nint sent;
            fixed (byte* start = pending)
            {
                sent = Libc.Send(Handle, start, (nuint)pending.Length, Libc.NoSignal);
            }

            if (sent < 0)
            {
                var error = Marshal.GetLastPInvokeError();
                if (error == Libc.Interrupted)
                {
                    continue;
                }

                if (error != Libc.TryAgain)
                {
                    Fail($"Sending failed: {Marshal.GetPInvokeErrorMessage(error)}");
                }

                return;
            }

            _sent += (int)sent;
        }

        if (!HasBacklog)
        {
            _output.Clear(OutputKeptMax);
            _sent = 0;
        }
    }

    /// <summary>Notes what went wrong; only the first counts.</summary>
    public void Fail(string reason) => Failure ??= reason;

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    /// <summary>Counts a delivery and, on a sample, compares its number with the one that must come now.</summary>
    protected void Delivered(ReadOnlySpan<byte> record)
    {
        if (ChecksNext || Tally.Latencies is not null)
        {
            Check(record);
        }

        Deliveries++;
        Tally.Deliveries++;
    }

    /// <summary>Counts an answer as it should be.</summary>
    protected void Acknowledged()
    {
        Acks++;
        Tally.Acks++;
    }

    /// <summary>The start of a record, for messages.</summary>
    protected static string Excerpt(ReadOnlySpan<byte> record) => Printable.Cut(Encoding.UTF8.GetString(record[..Math.Min(record.Length, 300)]), 300);

    private void Check(ReadOnlySpan<byte> record)
    {
        ChecksNext = false;
        if (!LoadActivity.TryRead(record, out var nth, out var due))
        {
            Fail($"A delivery without a number: {Excerpt(record)}");
            return;
        }

        if (Tally.ReadsAll ? nth != Deliveries : nth <= _nthLast)
        {
            Fail(Tally.ReadsAll
                ? $"A reader's delivery {Deliveries} carries number {nth}: a gap, a repeat or a wrong order."
                : $"Number {nth} was delivered after {_nthLast}: a repeat or a wrong order. {Excerpt(record)}");
        }

        _nthLast = nth;
        Tally.Latencies?.Add(due, ReceivedAt);
        Tally.LastDeliveryAt = ReceivedAt;
    }
}
