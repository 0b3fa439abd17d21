using System.Buffers.Text;
using System.Net;
using System.Text;
using Stentor.Load.Net;

namespace Stentor.Load.Clients;

/// <summary>The client protocol of NATS, core and JetStream publishes with acknowledgements.</summary>
/// <param name="server">Where to connect.</param>
/// <param name="tally">What to count into.</param>
/// <param name="channels">The subjects to subscribe to.</param>
/// <param name="stream">The JetStream stream to make and to ask acknowledgements of, over all subjects <c>load.></c>; null for core.</param>
internal sealed class NatsConnection(IPEndPoint server, Tally tally, IReadOnlyList<string> channels, string? stream = null) : Connection(server, tally)
{
    private static int _inboxes;

    /// <summary>Where this connection's acknowledgements go.</summary>
    private readonly string _inbox = $"_INBOX.load{Interlocked.Increment(ref _inboxes)}";
    private byte[] _ackReply = [];
    private byte[] _create = [];

    private static ReadOnlySpan<byte> LineEnd => "\r\n"u8;

    /// <inheritdoc/>
    public override void Start()
    {
        var words = new StringBuilder("CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"load\",\"version\":\"1\",\"protocol\":1}\r\n");
        for (var i = 0; i < channels.Count; i++)
        {
            words.Append($"SUB {channels[i]} {i}\r\n");
        }

        if (stream is null)
        {
            words.Append("PING\r\n");
        }
        else
        {
            var configuration = $$"""{"name":"{{stream}}","subjects":["load.>"],"storage":"file","retention":"limits","discard":"old","num_replicas":1,"max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0}""";
            _ackReply = Encoding.ASCII.GetBytes($" {_inbox}.ack ");
            _create = Encoding.ASCII.GetBytes($"PUB $JS.API.STREAM.CREATE.{stream} {_inbox}.create {configuration.Length}\r\n{configuration}\r\n");
            words.Append($"SUB {_inbox}.ack ack\r\nSUB {_inbox}.create create\r\n");
        }

        Output.Write(Encoding.ASCII.GetBytes(words.ToString()));
        Output.Write(_create);
    }

    /// <inheritdoc/>
    public override void Publish(ReadOnlySpan<byte> channel, ReadOnlySpan<byte> activity)
    {
        Output.Write("PUB "u8);
        Output.Write(channel);
        Output.Write(stream is null ? " "u8 : _ackReply);
        Utf8Formatter.TryFormat(activity.Length, Output.GetSpan(10), out var digits);
        Output.Advance(digits);
        Output.Write(LineEnd);
        Output.Write(activity);
        Output.Write(LineEnd);
    }

    /// <inheritdoc/>
    public override int Consume(ReadOnlySpan<byte> input)
    {
        var rest = input;
        while (true)
        {
            var end = rest.IndexOf((byte)'\n');
            if (end < 0)
            {
                return input.Length - rest.Length;
            }

            var line = rest[..(end - 1)];
            if (line.Length > 4 && line.StartsWith("MSG "u8))
            {
                // MSG subject id [reply] bytes
                var size = 0;
                var at = line.LastIndexOf((byte)' ') + 1;
                for (; at < line.Length; at++)
                {
                    size = (size * 10) + line[at] - '0';
                }

                var after = end + 1 + size + LineEnd.Length;
                if (rest.Length < after)
                {
                    return input.Length - rest.Length;
                }

                OnMessage(line, rest.Slice(end + 1, size));
                rest = rest[after..];
                continue;
            }

            OnLine(line);
            rest = rest[(end + 1)..];
        }
    }

    private void OnMessage(ReadOnlySpan<byte> line, ReadOnlySpan<byte> payload)
    {
        if (stream is null)
        {
            Delivered(payload);
            return;
        }

        // Each connection asks for the stream, and the same one, made already, is as good as a new one: but for a moment while the server makes it for another.
        if (payload.IndexOf("\"err_code\":10065"u8) >= 0)
        {
            Output.Write(_create);
        }
        else if (payload.IndexOf("\"error\""u8) >= 0)
        {
            Fail($"JetStream refused: {Excerpt(payload)}");
        }
        else if (line.IndexOf(" create "u8) >= 0)
        {
            IsReady = true;
        }
        else
        {
            Acknowledged();
        }
    }

    private void OnLine(ReadOnlySpan<byte> line)
    {
        if (line.StartsWith("PING"u8))
        {
            Output.Write("PONG\r\n"u8);
        }
        else if (line.StartsWith("PONG"u8))
        {
            IsReady = true;
        }
        else if (!line.StartsWith("INFO "u8) && !line.StartsWith("+OK"u8))
        {
            Fail($"Unexpected line: {Excerpt(line)}");
        }
    }
}
