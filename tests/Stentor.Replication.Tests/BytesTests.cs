using Stentor.Protocol;
using Xunit;

namespace Stentor.Replication.Tests;

public sealed class BytesTests
{
    [Fact]
    public void A_state_comes_back_from_its_bytes_and_folds_on()
    {
        var eu = RegionWithConflicts();
        var bytes = eu.State()!.Bytes();

        var again = ChannelState.Deserialize(bytes);

        Assert.Equal(bytes, again.Bytes());
        Assert.Equal(eu.StateText(), Texts.Of(again.WriteState));
        Assert.Equal(eu.ConflictsText(), Texts.Of(again.WriteConflicts));
        Assert.Equal((eu.State()!.Version, eu.State()!.LastOrigin, eu.State()!.LastSeq), (again.Version, again.LastOrigin, again.LastSeq));
        Assert.Equal((eu.State()!.LastLamport, eu.State()!.LastTime), (again.LastLamport, again.LastTime));
    }

    [Fact]
    public void Bytes_that_are_no_state_are_refused()
    {
        var bytes = RegionWithConflicts().State()!.Bytes();

        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Throws<FormatException>(() => ChannelState.Deserialize(bytes.AsSpan(0, length)));
        }

        Assert.Throws<FormatException>(() => ChannelState.Deserialize([.. bytes, 0]));
        Assert.Throws<FormatException>(() => ChannelState.Deserialize([9, .. bytes]));
    }

    [Fact]
    public void Damaged_bytes_of_a_state_never_do_worse_than_a_format_error()
    {
        var bytes = RegionWithConflicts().State()!.Bytes();

        for (var at = 0; at < bytes.Length; at++)
        {
            foreach (var flip in new byte[] { 0x01, 0x80, 0xFF })
            {
                var damaged = bytes.ToArray();
                damaged[at] ^= flip;
                try
                {
                    ChannelState.Deserialize(damaged);
                }
                catch (FormatException)
                {
                    // As promised. Some flips make another state; the store's checksums tell.
                }
            }
        }
    }

    [Fact]
    public void A_mark_comes_back_from_its_bytes()
    {
        var eu = RegionWithConflicts();
        var asia = new Region("asia-1") { Wall = eu.Wall + 3_600_000_000 };
        asia.Publish("""{"activity":{}}""");
        eu.ReceiveAll(asia);
        var mark = eu.Replica.Mark;
        var buffer = new ByteBuffer();
        mark.Serialize(buffer);

        var again = ReplicaMark.Deserialize(buffer.WrittenSpan);

        Assert.Equal((mark.Seen, mark.Lamport, mark.Time), (again.Seen, again.Lamport, again.Time));
        Assert.Equal(mark.Chains, again.Chains);
        Assert.Equal(mark.Ahead, again.Ahead);
        Assert.Throws<FormatException>(() => ReplicaMark.Deserialize(buffer.WrittenSpan[..^1]));
    }

    private static Region RegionWithConflicts()
    {
        var eu = new Region("eu-1");
        var us = new Region("us-1");
        us.Publish("""{"effect":{"set":{"title":"B","ünï\u0001":[1,{"a":null}]},"add":{"red":-2.5}}}""");
        us.Publish("""{"effect":{"remove":["gone"]}}""", author: "bob");
        eu.Publish("""{"effect":{"set":{"title":"A"},"add":{"red":1},"remove":["gone"]}}""");
        eu.Publish("""{"effect":{"remove":["never"]}}""");
        eu.ReceiveAll(us);
        return eu;
    }
}
