using System.Net;
using Microsoft.AspNetCore.Http;
using Stentor.Gateways;
using Stentor.Protocol;

namespace Stentor.Cli.Lab.Readers;

/// <summary>A stone tablet: a client that the node calls over XML-RPC with each score, on a port of its own.</summary>
/// <param name="node">The node.</param>
internal sealed class Tablet(Uri node) : ScoreReader
{
    /// <inheritdoc/>
    public override bool IsPush => true;

    /// <summary>Its port on loopback, once its server listens.</summary>
    public int Port { get; set; }

    /// <inheritdoc/>
    public override async Task StandAsync(CancellationToken cancellationToken)
    {
        using var calls = new HttpCalls(node, Traffic);
        var answer = await calls.CallAsync(
            "register_client",
            [
                new XmlRpcValue.List([new XmlRpcValue.Text(IPAddress.Loopback.ToString()), new XmlRpcValue.Whole(Port)]),
                new XmlRpcValue.List([new XmlRpcValue.Text(Event)]),
                new XmlRpcValue.List([]),
            ],
            cancellationToken);
        if (answer is XmlRpcValue.Text error)
        {
            throw new LabException($"register_client was answered with '{error.Value}'.");
        }
    }

    /// <inheritdoc/>
    public override Task RunAsync(CancellationToken cancellationToken) => Task.Delay(Timeout.Infinite, cancellationToken);

    /// <inheritdoc/>
    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>Answers a call.</summary>
    /// <param name="http">The call.</param>
    public async Task AnswerAsync(HttpContext http)
    {
        Traffic.CallIn();
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        var answer = new ByteBuffer(256);
        try
        {
            var call = XmlRpcReader.ReadCall(body.ToArray());
            if (call is not { Method: "print_score_for_event", Arguments: [XmlRpcValue.Whole score] })
            {
                throw new XmlRpcFaultException(XmlRpcFaultException.BadValue, "This tablet shows whole numbers: print_score_for_event(score).");
            }

            Show(score.Value);
            XmlRpcWriter.WriteAnswer(new XmlRpcValue.Text(""), answer);
        }
        catch (XmlRpcFaultException e)
        {
            XmlRpcWriter.WriteFault(e.Code, e.Message, answer);
        }

        http.Response.ContentType = XmlRpcWriter.ContentType;
        http.Response.ContentLength = answer.Length;
        await http.Response.Body.WriteAsync(answer.WrittenMemory, http.RequestAborted);
    }
}
