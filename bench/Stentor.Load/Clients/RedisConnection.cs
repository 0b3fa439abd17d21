using System.Buffers.Text;
using System.Net;
using Stentor.Load.Net;

namespace Stentor.Load.Clients;

/// <summary>Redis' protocol (RESP2) as far as <c>XADD</c> needs it; publishes are pipelined.</summary>
/// <param name="server">Where to connect.</param>
/// <param name="tally">What to count into.</param>
internal sealed class RedisConnection(IPEndPoint server, Tally tally) : Connection(server, tally)
{
    /// <inheritdoc/>
    public override void Start() => Output.Write("*1\r\n$4\r\nPING\r\n"u8);

    /// <inheritdoc/>
    public override void Publish(ReadOnlySpan<byte> channel, ReadOnlySpan<byte> activity)
    {
        Output.Write("*5\r\n$4\r\nXADD\r\n"u8);
        WriteText(channel);
        Output.Write("$1\r\n*\r\n$1\r\na\r\n"u8);
        WriteText(activity);
    }

    /// <inheritdoc/>
    public override int Consume(ReadOnlySpan<byte> input)
    {
        var rest = input;
        while (true)
        {
            var end = rest.IndexOf("\r\n"u8);
            if (end < 0)
            {
                return input.Length - rest.Length;
            }

            var line = rest[..end];
            var after = end + 2;
            if (line[0] == (byte)'$')
            {
                if (!Utf8Parser.TryParse(line[1..], out int size, out _) || size < 0)
                {
                    Fail($"Unexpected reply: {Excerpt(line)}");
                    return input.Length;
                }

                after += size + 2;
                if (rest.Length < after)
                {
                    return input.Length - rest.Length;
                }

                Acknowledged();
            }
            else if (line.SequenceEqual("+PONG"u8))
            {
                IsReady = true;
            }
            else
            {
                Fail($"Unexpected reply: {Excerpt(line)}");
                return input.Length;
            }

            rest = rest[after..];
        }
    }

    private void WriteText(ReadOnlySpan<byte> text)
    {
        Output.Write("$"u8);
        Utf8Formatter.TryFormat(text.Length, Output.GetSpan(10), out var digits);
        Output.Advance(digits);
        Output.Write("\r\n"u8);
        Output.Write(text);
        Output.Write("\r\n"u8);
    }
}
