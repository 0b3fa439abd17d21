using System.Net.Http.Headers;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Stentor.Protocol;
using Stentor.Storage;

namespace Stentor.Gateways;

/// <summary>Serves the scoreboard over XML-RPC (docs/xml-rpc.md): a call comes in as a request, its answer, error string or fault goes out. Any thread may call.</summary>
internal sealed class XmlRpcGateway
{
    /// <summary>The paths where it is served.</summary>
    private static readonly string[] Paths = ["/RPC2", "/"];

    private readonly Services _services;
    private readonly Scoreboard _scoreboard;
    private readonly Tablets _tablets;
    private readonly XmlRpcProcedures _procedures;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _ending = new();
    private Task _preparing = Task.CompletedTask;

    /// <summary>Makes it; nobody is called back before <see cref="StartAsync"/>.</summary>
    /// <param name="services">What answers share.</param>
    /// <param name="options">How it is served.</param>
    /// <param name="logs">Where it reports.</param>
    /// <exception cref="ServerStartException">The teams or events cannot be those of a scoreboard.</exception>
    public XmlRpcGateway(Services services, XmlRpcOptions options, ILoggerFactory logs)
    {
        _services = services;
        if (options is { MakesWriterSecret: true, WriterSecret: null } && services.Options.Node.Links.Count == 0 && !services.Accounts.IsKnown(XmlRpcOptions.Writer))
        {
            NewWriterSecret = SecretFile.New();
            options = options with { WriterSecret = NewWriterSecret };
        }

        _log = logs.CreateLogger<XmlRpcGateway>();
        try
        {
            _scoreboard = new Scoreboard(services, options, ScoreboardNames.Of(options.Teams, isTeam: true), ScoreboardNames.Of(options.Events, isTeam: false));
        }
        catch (FormatException e)
        {
            throw new ServerStartException(e.Message) { IsUsage = true };
        }

        _tablets = new Tablets(services, _scoreboard, options, _log);
        _procedures = new XmlRpcProcedures(services, _scoreboard, _tablets, options);
        Routes = [.. Paths.Select(path => new Route(path, Access.Open, new Operation(HttpMethods.Post, exchange => AnswerAsync(exchange.Http))))];
    }

    /// <summary>The secret that was made for the writer; null for none.</summary>
    public string? NewWriterSecret { get; }

    /// <summary>What can be asked.</summary>
    public IReadOnlyList<Route> Routes { get; }

    /// <summary>Begins to look at what is committed, and sees to the writer's grants and account: before it returns, unless the region has to join its cluster first.</summary>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="ServerStartException">The writer's account has another secret.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _tablets.Start();
        if (_services.Node.Options.KeepsCluster)
        {
            _preparing = PrepareAsync();
        }
        else
        {
            await _scoreboard.PrepareAsync(_log, cancellationToken);
        }
    }

    /// <summary>Calls nobody any more.</summary>
    public async Task EndAsync()
    {
        await _ending.CancelAsync();
        await _preparing;
        await _tablets.DisposeAsync();
        _ending.Dispose();
    }

    private async Task PrepareAsync()
    {
        try
        {
            await _scoreboard.PrepareAsync(_log, _ending.Token);
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
        catch (Exception e) when (e is ServerStartException or DiskException)
        {
            XmlRpcLog.NotPrepared(_log, e.Message);
        }
    }

    private async Task AnswerAsync(HttpContext http)
    {
        var name = "unknown";
        var result = "done";
        ByteBuffer xml;
        try
        {
            if (!IsXml(http.Request.ContentType))
            {
                throw new XmlRpcFaultException(XmlRpcFaultException.NotACall, $"The content type is '{Printable.Cut(http.Request.ContentType!)}'; a call of XML-RPC is text/xml."); // Null is taken for XML.
            }

            var call = XmlRpcReader.ReadCall(await Bodies.ReadAsync(http, _services.Limits));
            var procedure = _procedures.Find(call.Method)
                ?? throw new XmlRpcFaultException(XmlRpcFaultException.NoMethod, $"There is no method '{Printable.Cut(call.Method)}'. system.listMethods names all.");
            name = procedure.Name;
            var caller = TabletCaller.Of(http.Connection.RemoteIpAddress, http.Connection.LocalIpAddress);
            var answer = await XmlRpcProcedures.AnswerAsync(procedure, new XmlRpcRequest(call.Arguments, caller, http.RequestAborted));
            if (answer is XmlRpcValue.Text text && text.Value.StartsWith(XmlRpcProcedures.ErrorStart, StringComparison.Ordinal))
            {
                result = "error";
            }

            if (_log.IsEnabled(LogLevel.Debug))
            {
                XmlRpcLog.Called(_log, $"{caller.Address}:{http.Connection.RemotePort}", InLog(call, procedure), XmlRpcText.InLog(answer));
            }

            xml = Reply.Rent();
            XmlRpcWriter.WriteAnswer(answer, xml);
        }
        catch (XmlRpcFaultException e)
        {
            (xml, result) = (Fault(http, e.Code, e.Message), "fault");
        }
        catch (ProtocolException e)
        {
            (xml, result) = (Fault(http, XmlRpcFaultException.NotACall, e.Message), "fault");
        }
        catch (DiskException)
        {
            (xml, result) = (Fault(http, XmlRpcFaultException.Internal, "The node's disk did not answer; its log says more. Try again."), "fault");
        }
        catch (Exception e) when (e is not (OperationCanceledException or BadHttpRequestException or ConnectionResetException or ConnectionAbortedException or IOException))
        {
            XmlRpcLog.AnswerFailed(_log, e, name);
            (xml, result) = (Fault(http, XmlRpcFaultException.Internal, "The node made a mistake; its log says more."), "fault");
        }

        _tablets.Metrics.OnCall(name, result);
        await Reply.SendAsync(http, StatusCodes.Status200OK, xml, XmlRpcWriter.ContentType);
    }

    private ByteBuffer Fault(HttpContext http, int code, string message)
    {
        if (_log.IsEnabled(LogLevel.Debug))
        {
            XmlRpcLog.Called(_log, $"{http.Connection.RemoteIpAddress}:{http.Connection.RemotePort}", "what is no call", $"fault {code}: {message}");
        }

        var xml = Reply.Rent();
        XmlRpcWriter.WriteFault(code, message, xml);
        return xml;
    }

    private static bool IsXml(string? contentType) =>
        contentType is null or "" or XmlRpcWriter.ContentType
        || (MediaTypeHeaderValue.TryParse(contentType, out var parsed)
            && (parsed.MediaType?.ToLowerInvariant() is "text/xml" or "application/xml" || parsed.MediaType?.EndsWith("+xml", StringComparison.OrdinalIgnoreCase) == true));

    private static string InLog(XmlRpcCall call, XmlRpcProcedure procedure) =>
        $"{call.Method}({string.Join(", ", call.Arguments.Select((argument, i) => procedure.HasPassword && i >= procedure.Parameters.Count - 1 ? "***" : XmlRpcText.InLog(argument)))})";
}
