using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Stentor.Cli.Lab.Readers;

namespace Stentor.Cli.Tests.Lab;

public sealed class CountingTests
{
    [Fact]
    public async Task Every_byte_of_a_stream_is_counted_in_its_direction()
    {
        var traffic = new Traffic();
        await using var stream = new CountingStream(new MemoryStream(new byte[100]), traffic);

        await stream.ReadExactlyAsync(new byte[10], TestContext.Current.CancellationToken);
        stream.ReadExactly(new byte[5]);
        await stream.WriteAsync(new byte[20], TestContext.Current.CancellationToken);
        stream.Write(new byte[3], 0, 3);

        Assert.Equal(new TrafficCount(0, 0, BytesIn: 15, BytesOut: 23), traffic.Count);
    }

    [Fact]
    public async Task Bytes_of_a_pipe_are_counted_once_though_they_are_looked_at_twice()
    {
        var traffic = new Traffic();
        var (input, output) = (new Pipe(), new Pipe());
        var counted = new CountingPipe(new Duplex(input.Reader, output.Writer), traffic);
        await input.Writer.WriteAsync(Encoding.ASCII.GetBytes("GET / HTTP/1.1"), TestContext.Current.CancellationToken);

        var first = await counted.Input.ReadAsync(TestContext.Current.CancellationToken);
        counted.Input.AdvanceTo(first.Buffer.GetPosition(4), first.Buffer.End);
        await input.Writer.WriteAsync("\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
        var second = await counted.Input.ReadAsync(TestContext.Current.CancellationToken);
        counted.Input.AdvanceTo(second.Buffer.End);
        counted.Output.Write("200"u8);
        await counted.Output.WriteAsync("OK"u8.ToArray(), TestContext.Current.CancellationToken);

        Assert.Equal(new TrafficCount(0, 0, BytesIn: 16, BytesOut: 5), traffic.Count);
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
