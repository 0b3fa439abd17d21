using System.Buffers.Binary;
using System.Net;
using System.Text;
using Stentor.Load.Net;
using Stentor.Protocol;

namespace Stentor.Load.Clients;

/// <summary>MQTT 3.1.1 with quality of service 0: nothing is acknowledged or kept.</summary>
/// <param name="server">Where to connect.</param>
/// <param name="tally">What to count into.</param>
/// <param name="channels">The topics to subscribe to.</param>
internal sealed class MqttConnection(IPEndPoint server, Tally tally, IReadOnlyList<string> channels) : Connection(server, tally)
{
    private const byte Connect = 0x10;
    private const byte ConnectAnswer = 0x20;
    private const byte Message = 0x30;
    private const byte Subscribe = 0x82;
    private const byte SubscribeAnswer = 0x90;

    /// <inheritdoc/>
    public override void Start()
    {
        // Protocol level 4, a clean session, no keep-alive, an empty client id: the server makes one.
        Write(Connect, [0, 4, (byte)'M', (byte)'Q', (byte)'T', (byte)'T', 4, 2, 0, 0, 0, 0], []);
        if (channels.Count > 0)
        {
            var topics = new ByteBuffer();
            foreach (var channel in channels)
            {
                topics.Write([(byte)(channel.Length >> 8), (byte)channel.Length, .. Encoding.ASCII.GetBytes(channel), 0]);
            }

            Write(Subscribe, [0, 1], topics.WrittenSpan);
        }
    }

    /// <inheritdoc/>
    public override void Publish(ReadOnlySpan<byte> channel, ReadOnlySpan<byte> activity)
    {
        WriteHeader(Message, 2 + channel.Length + activity.Length);
        BinaryPrimitives.WriteUInt16BigEndian(Output.GetSpan(2), (ushort)channel.Length);
        Output.Advance(2);
        Output.Write(channel);
        Output.Write(activity);
    }

    /// <inheritdoc/>
    public override int Consume(ReadOnlySpan<byte> input)
    {
        var rest = input;
        while (TryReadHeader(rest, out var start, out var length) && rest.Length >= start + length)
        {
            var packet = rest.Slice(start, length);
            switch (rest[0])
            {
                case Message:
                    Delivered(packet[(2 + BinaryPrimitives.ReadUInt16BigEndian(packet))..]);
                    break;
                case ConnectAnswer when packet is [_, 0]:
                    IsReady = channels.Count == 0;
                    break;
                case SubscribeAnswer when !packet[2..].Contains((byte)0x80):
                    IsReady = true;
                    break;
                default:
                    Fail($"Unexpected packet of type 0x{rest[0]:x2}, {length} bytes.");
                    return input.Length;
            }

            rest = rest[(start + length)..];
        }

        return input.Length - rest.Length;
    }

    private static bool TryReadHeader(ReadOnlySpan<byte> input, out int start, out int length)
    {
        length = 0;
        for (start = 1; start < input.Length && start <= 4; start++)
        {
            length |= (input[start] & 0x7F) << (7 * (start - 1));
            if ((input[start] & 0x80) == 0)
            {
                start++;
                return true;
            }
        }

        return false;
    }

    private void Write(byte type, ReadOnlySpan<byte> front, ReadOnlySpan<byte> rest)
    {
        WriteHeader(type, front.Length + rest.Length);
        Output.Write(front);
        Output.Write(rest);
    }

    private void WriteHeader(byte type, int length)
    {
        Output.Write([type]);
        do
        {
            var low = (byte)(length & 0x7F);
            length >>= 7;
            Output.Write([length == 0 ? low : (byte)(low | 0x80)]);
        }
        while (length > 0);
    }
}
