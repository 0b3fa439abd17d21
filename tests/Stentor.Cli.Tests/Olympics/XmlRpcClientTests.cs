using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using Stentor.Cli.Olympics;
using Stentor.Gateways;

namespace Stentor.Cli.Tests.Olympics;

/// <summary>What becomes of a call.</summary>
public sealed class XmlRpcClientTests
{
    private static readonly XmlRpcValue[] Two = [new XmlRpcValue.Text("<Gaul & Rome>"), new XmlRpcValue.Whole(2)];

    [Fact(Timeout = 60_000)]
    public async Task Calls_are_answered_over_one_connection()
    {
        await using var server = await StandInServer.StartAsync(call => new XmlRpcValue.Text($"{call.Method}({string.Join(", ", call.Arguments.Select(ShownValue.Of))})"));
        using var client = server.NewClient();

        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(new XmlRpcValue.Text("greet(<Gaul & Rome>, 2)"), await client.CallAsync("greet", Two, TestContext.Current.CancellationToken));
        }

        Assert.Single(server.CallerPorts);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_client_calls_from_the_port_that_it_is_given()
    {
        await using var server = await StandInServer.StartAsync(_ => new XmlRpcValue.Truth(true));
        var port = StandInServer.QuietPort();
        using var client = server.NewClient(port);

        await client.CallAsync("greet", [], TestContext.Current.CancellationToken);

        Assert.Equal([port], server.CallerPorts);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_fault_is_told_with_its_code()
    {
        await using var server = await StandInServer.StartAsync(_ => throw new XmlRpcFaultException(4, "Too many parameters."));

        var fault = await Assert.ThrowsAsync<XmlRpcFaultException>(() => CallAsync(server));

        Assert.Equal((4, "Too many parameters."), (fault.Code, fault.Message));
    }

    [Fact(Timeout = 60_000)]
    public async Task Where_nobody_listens_a_call_was_certainly_not_taken()
    {
        using var client = new XmlRpcClient(new Uri(StandInServer.DeadAddress), TimeSpan.FromSeconds(10));

        var failure = await Assert.ThrowsAsync<XmlRpcCallException>(() => client.CallAsync("greet", [], TestContext.Current.CancellationToken));

        Assert.Equal(CallFailure.NotTaken, failure.Failure);
        Assert.Contains("cannot be reached: Connection refused", failure.Message, StringComparison.Ordinal);
    }

    [Theory(Timeout = 60_000)]
    [InlineData(200, "It works!", CallFailure.NotXmlRpc)]
    [InlineData(200, "<html><body/></html>", CallFailure.NotXmlRpc)]
    [InlineData(200, "", CallFailure.NotXmlRpc)]
    [InlineData(302, "", CallFailure.NotXmlRpc)]
    [InlineData(404, "", CallFailure.NotXmlRpc)]
    [InlineData(429, "", CallFailure.NotTaken)]
    [InlineData(503, "", CallFailure.NotTaken)]
    [InlineData(500, "", CallFailure.InDoubt)]
    public async Task An_answer_that_is_no_XML_RPC_is_told_for_what_it_is(int status, string body, object expected)
    {
        await using var server = await StandInServer.StartHttpAsync(context =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.Location = "/elsewhere";
            return context.Response.WriteAsync(body);
        });

        var failure = await Assert.ThrowsAsync<XmlRpcCallException>(() => CallAsync(server));

        Assert.Equal(expected, failure.Failure);
        Assert.Contains(status == 200 ? "does not speak XML-RPC" : $"HTTP status {status}", failure.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task An_answer_without_end_is_not_read_to_its_end()
    {
        var piece = new byte[64 * 1024];
        await using var server = await StandInServer.StartHttpAsync(async context =>
        {
            while (!context.RequestAborted.IsCancellationRequested)
            {
                await context.Response.Body.WriteAsync(piece);
            }
        });

        var failure = await Assert.ThrowsAsync<XmlRpcCallException>(() => CallAsync(server));

        Assert.Equal(CallFailure.NotXmlRpc, failure.Failure);
        Assert.Contains($"more than {XmlRpcClient.AnswerBytesMax} bytes", failure.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_call_that_nobody_answers_is_in_doubt_after_a_while()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var client = new XmlRpcClient(new Uri($"http://{listener.LocalEndpoint}"), TimeSpan.FromSeconds(3)); // Half of it to connect, on a busy machine.

        var failure = await Assert.ThrowsAsync<XmlRpcCallException>(() => client.CallAsync("greet", [], TestContext.Current.CancellationToken));

        Assert.Equal(CallFailure.InDoubt, failure.Failure);
        Assert.Contains("does not answer within 3 s", failure.Message, StringComparison.Ordinal);
    }

    private static async Task<XmlRpcValue> CallAsync(StandInServer server)
    {
        using var client = server.NewClient();
        return await client.CallAsync("greet", [], TestContext.Current.CancellationToken);
    }
}
